// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <format>

#include "judge.h"

namespace runup::checks::conversion_parity {

namespace {

// More than so many tensors are told in one finding.
constexpr std::size_t kToldAlone = 5;
constexpr std::size_t kNamed = 8;
constexpr std::string_view kFix =
    "export the conversion again from the weights that are deployed, and copy both files from the same run";

// "by 0.1 % (1.001 instead of 1 at [3, 0])"; what was 0 has no share.
std::string worst_words(const WeightDifferenceFacts& difference) {
  constexpr double kMostShare = 1e6;
  const std::string numbers = std::format("{:g} instead of {:g} at {}", difference.worst_candidate,
                                          difference.worst_reference, shape_text(difference.worst_index));
  return difference.max_relative > kMostShare
             ? numbers
             : std::format("by {:.2g} % ({})", difference.max_relative * 100, numbers);
}

// `sign.onnx` of `models/sign.onnx`: what evidence is named by is short.
std::string last_part_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// The largest difference of any output of this conversion against the original; negative when none was
// compared.
double outputs_apart(const Facts& facts, std::size_t index) {
  double apart = -1;
  for (const ParityFacts& parity : facts.parity) {
    if (parity.reference != 0 || parity.candidate != index + 1) {
      continue;
    }
    for (const AnswerPairFacts& answer : parity.answers) {
      for (const OutputPairFacts& pair : answer.outputs) {
        apart = std::max(apart, pair.comparison.max_abs);
      }
    }
  }
  return apart;
}

std::string place_words(const WeightDifferenceFacts& difference) {
  return difference.candidate == difference.reference
             ? std::format("`{}`", difference.reference)
             : std::format("`{}` (there `{}`)", difference.reference, difference.candidate);
}

void add_evidence(Judge& judge, std::size_t index) {
  if (const double apart = outputs_apart(judge.facts, index); apart >= 0) {
    judge.judgement.findings.back().evidence.push_back(
        {.name = "outputs", .value = std::format("largest difference {}", difference_words(apart))});
  }
}

void add_one(Judge& judge, std::size_t index, const WeightDifferenceFacts& difference) {
  std::string message =
      std::format("`{}` holds other numbers for {} than `{}`: {} of {} differ, the worst {}",
                  judge.file(index + 1), place_words(difference), judge.file(0), difference.differing,
                  count_of(difference.elements, "element", "elements"), worst_words(difference));
  if (!difference.explanation.empty()) {
    message += "; " + difference.explanation;
  }
  judge.add("weight-differs", std::move(message), std::string(kFix), index + 1);
  judge.judgement.findings.back().where.key = difference.reference;
  if (!difference.certain) {
    judge.judgement.findings.back().severity = Severity::warning;
  }
  add_evidence(judge, index);
}

void add_all(Judge& judge, std::size_t index, const WeightParityFacts& weights) {
  std::vector<std::string> names;
  bool certain = false;
  for (const WeightDifferenceFacts& difference : weights.differing) {
    names.push_back(difference.reference);
    certain = certain || difference.certain;
  }
  std::string message = std::format(
      "`{}` holds other numbers than `{}` for {} of {}: {}", judge.file(index + 1), judge.file(0),
      weights.differing_count, count_of(weights.tensors, "tensor", "tensors"), join_quoted(names, kNamed));
  if (!weights.explanation.empty()) {
    message += "; " + weights.explanation;
  }
  judge.add("weight-differs", std::move(message), std::string(kFix), index + 1);
  if (!certain) {
    judge.judgement.findings.back().severity = Severity::warning;
  }
  add_evidence(judge, index);
}

}  // namespace

void judge_weights(Judge& judge, std::size_t index) {
  const Observed<WeightParityFacts>& weights = judge.facts.conversions[index].weights;
  if (!weights) {
    const Absence why = weights.absence.value_or(Absence{});
    // Not asked for where a file could not be read: that is told already.
    if (why.kind != AbsenceKind::not_requested && why.kind != AbsenceKind::blocked) {
      judge.untold.push_back(
          absence_text(std::format("the comparison of the numbers in `{}`", judge.file(index + 1)), why));
    }
    return;
  }
  if (!weights->not_compared.empty()) {
    judge.judgement.saw(std::format("numbers of {}", last_part_of(judge.file(index + 1))),
                        "not compared: " + weights->not_compared);
    return;
  }
  std::string words = std::format("{} of {} equal", weights->by_name + weights->by_value,
                                  count_of(weights->tensors, "tensor", "tensors"));
  if (weights->not_comparable_count > 0) {
    words += std::format(", {} not comparable ({})", weights->not_comparable_count,
                         join_quoted(weights->not_comparable, 3));
  }
  if (weights->either_way_count > 0) {
    words += std::format(", {} of them perhaps transposed, which only the outputs tell ({})",
                         weights->either_way_count, join_quoted(weights->either_way, 3));
  }
  judge.judgement.saw(std::format("numbers of {}", last_part_of(judge.file(index + 1))), words);
  if (weights->differing_count > kToldAlone || !weights->explanation.empty()) {
    add_all(judge, index, *weights);
    return;
  }
  for (const WeightDifferenceFacts& difference : weights->differing) {
    add_one(judge, index, difference);
  }
}

}  // namespace runup::checks::conversion_parity
