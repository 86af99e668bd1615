// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the parts of this check share.

#include <array>
#include <string>
#include <vector>

#include "base/text.h"
#include "check/check.h"
#include "check/usual_inputs.h"
#include "check/wording.h"

namespace runup::checks::conversion_parity {

struct Options {
  std::uint64_t random = 3;
  bool samples = true;
  bool weights = true;
  static constexpr auto fields() {
    return std::tuple{
        Field{"random", &Options::random, "how many inputs of random values", Rule{.min = 0, .max = 100}},
        Field{"samples", &Options::samples, "also compare the answers to the recorded `samples:`"},
        Field{"weights", &Options::weights, "also compare the numbers that both files hold"}};
  }
};

inline constexpr std::array kFindings{
    FindingInfo{"output-differs", Severity::error,
                "two files of the model answer the same input differently, beyond tolerance"},
    FindingInfo{"output-shape", Severity::error, "an output has another shape in the conversion"},
    FindingInfo{"output-names", Severity::error,
                "the conversion has other outputs than the original, or other names for them"},
    FindingInfo{"top1-differs", Severity::warning,
                "within tolerance, but the largest element of a row is another one"},
    FindingInfo{"output-type", Severity::note, "an output has another element type in the conversion"},
    FindingInfo{"weight-differs", Severity::error,
                "the conversion holds other numbers than the original for the same tensor"}};

struct Judge {
  const Facts& facts;
  const Options& options;
  Judgement& judgement;
  // what could not be told
  std::vector<std::string> untold;
  // conversions that were found to differ from the original
  std::vector<bool> differs;

  // The file's name: 0 is the model's own, n is `conversions[n - 1]`.
  std::string file(std::uint64_t number) const;
  void add(std::string_view id, std::string message, std::string fix, std::uint64_t conversion);
};

// The answers of two files.
void judge_answers(Judge& judge, const ParityFacts& parity);
// The numbers of `conversions[index]` against those of the original.
void judge_weights(Judge& judge, std::size_t index);

// "3.2e-07"
std::string difference_words(double value);

}  // namespace runup::checks::conversion_parity
