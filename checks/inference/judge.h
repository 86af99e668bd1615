// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the parts of this check share: its options, its findings, and the judgement in the making.

#include <array>
#include <string>
#include <vector>

#include "answers.h"
#include "base/text.h"
#include "check/check.h"
#include "check/usual_inputs.h"
#include "check/wording.h"
#include "facts/labels.h"

namespace runup::checks::inference {

struct Options {
  bool required = true;
  bool samples = true;
  std::uint64_t random = 2;
  std::vector<Dimension> output_shape;
  static constexpr auto fields() {
    return std::tuple{
        Field{"required", &Options::required,
              "false accepts a model that nothing could run; every report says so"},
        Field{"samples", &Options::samples, "also run the recorded `samples:`"},
        Field{"random", &Options::random, "how many inputs of random values", Rule{.min = 0, .max = 100}},
        Field{"output_shape", &Options::output_shape,
              "sizes, or names of axes, that the first output must have"}};
  }
};

inline constexpr std::array kFindings{
    FindingInfo{"load-failed", Severity::error, "a runtime could not load the model"},
    FindingInfo{"architecture-broken", Severity::error,
                "the file that `architecture:` names does not compile or load"},
    FindingInfo{"refused-input", Severity::error, "an inference with a declared input fails"},
    FindingInfo{"non-finite", Severity::error, "the output has NaN or infinity"},
    FindingInfo{"output-absent", Severity::error, "the model ran and gave nothing"},
    FindingInfo{"wrong-shape", Severity::error, "the output has another shape than it must have"},
    FindingInfo{"constant-output", Severity::error, "different inputs give the same output"},
    FindingInfo{"sample-mismatch", Severity::error,
                "a recorded sample gives another output than was recorded"},
    FindingInfo{"wrong-label", Severity::error,
                "a recorded sample is given another label than the expected one"},
    FindingInfo{"unknown-label", Severity::error, "a sample expects a label that the model does not know"},
    FindingInfo{"witnesses-differ", Severity::warning,
                "the service's own runtime and another one answer differently"},
    FindingInfo{"architecture-unverified", Severity::note,
                "the model was run in an architecture that was never compared with the service's own"}};

using Answers = std::vector<const ExperimentFacts*>;

// To an input of zeros or ones alone, which is no recording and not like one.
inline bool is_artificial(const ExperimentFacts* answer) {
  return answer->asked.fill == Fill::zeros || answer->asked.fill == Fill::ones;
}

struct Judge {
  const Facts& facts;
  const Options& options;
  const LabelChoice& labels;
  Judgement& judgement;
  // what could not be told
  std::vector<std::string> untold;
  std::uint64_t inferences = 0;
  // samples whose recorded output came out again
  std::uint64_t agreed_recordings = 0;
  const WitnessFacts* witness = nullptr;

  void add(std::string_view id, std::string message, std::string fix, Location where) {
    judgement.findings.push_back(
        make_finding(kFindings, id, std::move(message), std::move(fix), std::move(where)));
  }
  void add(std::string_view id, std::string message, std::string fix) {
    add(id, std::move(message), std::move(fix), model_location(facts));
  }
  std::string inputs_of(const std::vector<const ExperimentFacts*>& answers) const {
    std::vector<std::string> words;
    for (const ExperimentFacts* answer : answers) {
      words.push_back(input_words(facts.model, answer->asked));
    }
    return join_words(words, 4);
  }
};

// Findings about the outputs of all answers together; each answer has at least one output.
void judge_finite(Judge& judge, const Answers& answers);
void judge_shape(Judge& judge, const Answers& answers);
void judge_constant(Judge& judge, const Answers& answers);

// Findings about the answer to a recorded sample, whose index is valid.
void judge_sample(Judge& judge, const ExperimentFacts& answer);

}  // namespace runup::checks::inference
