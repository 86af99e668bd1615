// SPDX-License-Identifier: Apache-2.0
#pragma once

// How near two files of one model are: what they answer to the same input, and the numbers they hold.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "facts/runtime.h"

namespace runup {

// One output of both files.
struct OutputPairFacts {
  std::string reference;
  std::string candidate;
  std::string reference_dtype;
  std::string candidate_dtype;
  // `expected` is the reference's
  ComparisonFacts comparison;
  // elements that are NaN on one side only, and on both
  std::uint64_t nan_on_one_side = 0;
  std::uint64_t nan_on_both = 0;
  // rows along the last axis, and those whose largest element is at the same place
  std::uint64_t rows = 0;
  std::uint64_t rows_agreeing = 0;
  bool operator==(const OutputPairFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"reference", &OutputPairFacts::reference},
                      Field{"candidate", &OutputPairFacts::candidate},
                      Field{"reference_dtype", &OutputPairFacts::reference_dtype},
                      Field{"candidate_dtype", &OutputPairFacts::candidate_dtype},
                      Field{"comparison", &OutputPairFacts::comparison},
                      Field{"nan_on_one_side", &OutputPairFacts::nan_on_one_side},
                      Field{"nan_on_both", &OutputPairFacts::nan_on_both},
                      Field{"rows", &OutputPairFacts::rows},
                      Field{"rows_agreeing", &OutputPairFacts::rows_agreeing}};
  }
};

// The answers to one input.
struct AnswerPairFacts {
  Experiment asked;
  std::vector<OutputPairFacts> outputs;
  // outputs without a partner, by name
  std::vector<std::string> only_in_reference;
  std::vector<std::string> only_in_candidate;
  // why the answers could not be compared; empty when they were
  std::string not_compared;
  bool operator==(const AnswerPairFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"asked", &AnswerPairFacts::asked}, Field{"outputs", &AnswerPairFacts::outputs},
                      Field{"only_in_reference", &AnswerPairFacts::only_in_reference},
                      Field{"only_in_candidate", &AnswerPairFacts::only_in_candidate},
                      Field{"not_compared", &AnswerPairFacts::not_compared}};
  }
};

// Every output has its partner, and is as near to it as the tolerance allows. False where nothing was compared.
bool agree(const AnswerPairFacts& pair);
// the largest difference of two elements
double apart(const AnswerPairFacts& pair);

// Two files: 0 is the model's own, n is `conversions[n - 1]`.
struct ParityFacts {
  std::uint64_t reference = 0;
  std::uint64_t candidate = 0;
  std::vector<AnswerPairFacts> answers;
  // the folder that holds the inputs, the outputs and a script that repeats the comparison; empty when they
  // are not saved
  std::string saved;
  bool operator==(const ParityFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"reference", &ParityFacts::reference},
                      Field{"candidate", &ParityFacts::candidate}, Field{"answers", &ParityFacts::answers},
                      Field{"saved", &ParityFacts::saved}};
  }
};

// How a tensor of the conversion holds the numbers of one of the original's.
enum class WeightRelation {
  same,
  transposed,
  // the gates of a recurrent layer in ONNX's order, alone or with the other direction's
  reordered,
  // each output channel times a factor: a batch norm folded into the layer before it
  scaled,
};
constexpr auto enum_names(WeightRelation) {
  using enum WeightRelation;
  return std::array<std::pair<WeightRelation, std::string_view>, 4>{
      {{same, "same"}, {transposed, "transposed"}, {reordered, "reordered"}, {scaled, "scaled"}}};
}

// A tensor of the original whose numbers the conversion changed.
struct WeightDifferenceFacts {
  // key in the original's state_dict
  std::string reference;
  // tensor of the conversion
  std::string candidate;
  WeightRelation relation = WeightRelation::same;
  // of the original
  std::vector<std::int64_t> shape;
  std::uint64_t elements = 0;
  std::uint64_t differing = 0;
  // of the worst element: |a - b| / |b|, infinite where the original is 0
  double max_relative = 0;
  double max_abs = 0;
  std::vector<std::int64_t> worst_index;
  double worst_reference = 0;
  double worst_candidate = 0;
  // what explains it, when something does: "rows 2 and 5 are exchanged", "the matrix is transposed"
  std::string explanation;
  // the two belong together beyond doubt: by their names, by the layer that reads the candidate, or because
  // most of their numbers are the same. Without it they are only alike, and nothing else is left for either
  bool certain = true;
  bool operator==(const WeightDifferenceFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"reference", &WeightDifferenceFacts::reference},
                      Field{"candidate", &WeightDifferenceFacts::candidate},
                      Field{"relation", &WeightDifferenceFacts::relation},
                      Field{"shape", &WeightDifferenceFacts::shape},
                      Field{"elements", &WeightDifferenceFacts::elements},
                      Field{"differing", &WeightDifferenceFacts::differing},
                      Field{"max_relative", &WeightDifferenceFacts::max_relative},
                      Field{"max_abs", &WeightDifferenceFacts::max_abs},
                      Field{"worst_index", &WeightDifferenceFacts::worst_index},
                      Field{"worst_reference", &WeightDifferenceFacts::worst_reference},
                      Field{"worst_candidate", &WeightDifferenceFacts::worst_candidate},
                      Field{"explanation", &WeightDifferenceFacts::explanation},
                      Field{"certain", &WeightDifferenceFacts::certain}};
  }
};

// The original's floating tensors against the conversion's. Each of them is in exactly one of three states:
// found again with the same numbers (`by_name`, `by_value`), differing, or not comparable.
struct WeightParityFacts {
  // tensors of the original that were looked for, and how many were found again unchanged in which way: under
  // their name, or by what reads them and by their numbers
  std::uint64_t tensors = 0;
  std::uint64_t by_name = 0;
  std::uint64_t by_value = 0;
  // at most 1000, in the original's order, and how many there are
  std::vector<WeightDifferenceFacts> differing;
  std::uint64_t differing_count = 0;
  // keys without a counterpart: folded, fused, quantised, or gone; at most 1000
  std::vector<std::string> not_comparable;
  std::uint64_t not_comparable_count = 0;
  // Those found again of which nothing tells whether they should be transposed: square matrices that nameless
  // code multiplies by. At most 1000.
  std::vector<std::string> either_way;
  std::uint64_t either_way_count = 0;
  // Tensors of the conversion in which no number of the original was looked for with success; at most 1000.
  std::vector<std::string> extra;
  std::uint64_t extra_count = 0;
  // what explains all differences at once: "all 24 tensors that were found again differ ..."
  std::string explanation;
  // why nothing could be compared at all; empty when something could
  std::string not_compared;
  bool operator==(const WeightParityFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"tensors", &WeightParityFacts::tensors},
                      Field{"by_name", &WeightParityFacts::by_name},
                      Field{"by_value", &WeightParityFacts::by_value},
                      Field{"differing", &WeightParityFacts::differing},
                      Field{"differing_count", &WeightParityFacts::differing_count},
                      Field{"not_comparable", &WeightParityFacts::not_comparable},
                      Field{"not_comparable_count", &WeightParityFacts::not_comparable_count},
                      Field{"either_way", &WeightParityFacts::either_way},
                      Field{"either_way_count", &WeightParityFacts::either_way_count},
                      Field{"extra", &WeightParityFacts::extra},
                      Field{"extra_count", &WeightParityFacts::extra_count},
                      Field{"explanation", &WeightParityFacts::explanation},
                      Field{"not_compared", &WeightParityFacts::not_compared}};
  }
};

extern template struct Observed<WeightParityFacts>;
extern template struct StructCodec<ParityFacts>;
extern template struct StructCodec<WeightParityFacts>;

}  // namespace runup
