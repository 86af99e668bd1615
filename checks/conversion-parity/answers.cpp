// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <format>

#include "judge.h"

namespace runup::checks::conversion_parity {

namespace {

constexpr std::string_view kDiffersFix =
    "export the conversion again from the weights that are deployed, after `model.eval()`; for a difference "
    "in "
    "rounding alone raise its `rtol` or `atol`";

// One output over all inputs.
struct OutputOverInputs {
  std::string name;
  // of each input that was compared
  std::vector<std::pair<const Experiment*, const OutputPairFacts*>> pairs;
};

std::vector<OutputOverInputs> outputs_of(const ParityFacts& parity) {
  std::vector<OutputOverInputs> outputs;
  for (const AnswerPairFacts& answer : parity.answers) {
    for (const OutputPairFacts& pair : answer.outputs) {
      auto found = std::ranges::find(outputs, pair.reference, &OutputOverInputs::name);
      if (found == outputs.end()) {
        found = outputs.insert(outputs.end(), {.name = pair.reference, .pairs = {}});
      }
      found->pairs.emplace_back(&answer.asked, &pair);
    }
  }
  return outputs;
}

std::string shape_of_candidate(const Facts& facts, const ParityFacts& parity, const Experiment& asked,
                               const std::string& name) {
  const auto& runtimes =
      parity.candidate == 0 ? facts.runtimes : facts.conversions[parity.candidate - 1].runtimes;
  for (const auto& runtime : runtimes) {
    const ExperimentFacts* answer = runtime ? runtime->find(asked) : nullptr;
    for (const OutputFacts& output : answer != nullptr ? answer->outputs : std::vector<OutputFacts>{}) {
      if (output.name == name) {
        return shape_text(output.shape);
      }
    }
  }
  return "another one";
}

// "`model.onnx`'s `logits`" against that of the other file.
std::string whose(const Judge& judge, const ParityFacts& parity, const OutputPairFacts& pair) {
  return std::format("`{}` of `{}`", pair.candidate, judge.file(parity.candidate));
}

void judge_shapes(Judge& judge, const ParityFacts& parity, const OutputOverInputs& output) {
  for (const auto& [asked, pair] : output.pairs) {
    if (!pair->comparison.same_shape) {
      judge.add("output-shape",
                std::format("{} has shape {} with {}; in `{}` it has {}", whose(judge, parity, *pair),
                            shape_of_candidate(judge.facts, parity, *asked, pair->candidate),
                            input_words(judge.facts.model, *asked), judge.file(parity.reference),
                            shape_text(pair->comparison.expected_shape)),
                "export the conversion again with the same outputs and dynamic axes as the original",
                parity.candidate);
      judge.differs[parity.candidate - 1] = true;
      return;
    }
  }
}

void judge_type(Judge& judge, const ParityFacts& parity, const OutputOverInputs& output) {
  const OutputPairFacts& pair = *output.pairs.front().second;
  if (pair.reference_dtype != pair.candidate_dtype) {
    judge.add("output-type",
              std::format("{} is {}; in `{}` it is {}", whose(judge, parity, pair), pair.candidate_dtype,
                          judge.file(parity.reference), pair.reference_dtype),
              "make sure that the service's code takes either type", parity.candidate);
  }
}

struct Sum {
  std::size_t failing = 0;
  std::size_t compared = 0;
  const OutputPairFacts* worst = nullptr;
  const Experiment* worst_input = nullptr;
  double passing_rtol = 0;
  double max_abs = 0;
  double mean_abs = 0;
  std::uint64_t rows = 0;
  std::uint64_t rows_agreeing = 0;
};

Sum sum_of(const OutputOverInputs& output) {
  Sum sum;
  for (const auto& [asked, pair] : output.pairs) {
    const ComparisonFacts& seen = pair->comparison;
    if (!seen.same_shape) {
      continue;
    }
    ++sum.compared;
    sum.failing += seen.beyond_tolerance > 0 ? 1U : 0U;
    if (sum.worst == nullptr || seen.max_abs > sum.worst->comparison.max_abs) {
      sum.worst = pair;
      sum.worst_input = asked;
    }
    sum.passing_rtol = std::max(sum.passing_rtol, seen.passing_rtol);
    sum.max_abs = std::max(sum.max_abs, seen.max_abs);
    sum.mean_abs += seen.mean_abs;
    sum.rows += pair->rows;
    sum.rows_agreeing += pair->rows_agreeing;
  }
  sum.mean_abs /= sum.compared > 0 ? static_cast<double>(sum.compared) : 1;
  return sum;
}

std::string rows_words(const Sum& sum) {
  return std::format("top-1 agrees in {} of {}", sum.rows_agreeing, count_of(sum.rows, "row", "rows"));
}

// Rows along the last axis are classes where there are two axes.
bool has_classes(const OutputPairFacts& pair) { return pair.comparison.expected_shape.size() == 2; }

void judge_difference(Judge& judge, const ParityFacts& parity, const OutputOverInputs& output,
                      const Sum& sum) {
  const OutputPairFacts& worst = *sum.worst;
  const ComparisonFacts& seen = worst.comparison;
  std::string message = std::format(
      "{} differs from `{}`'s with {} of {} beyond rtol {:g} and atol {:g}; the worst is {:g} instead of "
      "{:g} at "
      "{}, with {}",
      whose(judge, parity, worst), judge.file(parity.reference), sum.failing,
      count_of(sum.compared, "input", "inputs"), seen.rtol, seen.atol, seen.worst_actual, seen.worst_expected,
      shape_text(seen.worst_index), input_words(judge.facts.model, *sum.worst_input));
  if (worst.nan_on_one_side > 0) {
    message += std::format("; {} NaN on one side only",
                           count_of(worst.nan_on_one_side, "element is", "elements are"));
  } else {
    message += std::format("; rtol {} would pass", difference_words(sum.passing_rtol));
  }
  if (has_classes(worst) && sum.rows_agreeing < sum.rows) {
    message += std::format("; {}", rows_words(sum));
  }
  judge.add("output-differs", std::move(message), std::string(kDiffersFix), parity.candidate);
  Finding& finding = judge.judgement.findings.back();
  for (const auto& [asked, pair] : output.pairs) {
    if (pair->comparison.same_shape) {
      finding.evidence.push_back(
          {.name = input_words(judge.facts.model, *asked),
           .value = std::format("largest difference {}, mean {}, {} beyond tolerance",
                                difference_words(pair->comparison.max_abs),
                                difference_words(pair->comparison.mean_abs),
                                count_of(pair->comparison.beyond_tolerance, "element", "elements"))});
    }
  }
  if (!parity.saved.empty()) {
    finding.evidence.push_back(
        {.name = "repeat with", .value = std::format("python3 {}", shell_word(parity.saved + "/repeat.py"))});
  }
  judge.differs[parity.candidate - 1] = true;
}

void judge_output(Judge& judge, const ParityFacts& parity, const OutputOverInputs& output) {
  judge_shapes(judge, parity, output);
  judge_type(judge, parity, output);
  const Sum sum = sum_of(output);
  if (sum.worst == nullptr) {
    return;
  }
  std::string words = std::format("{}: largest difference {}, mean {}, rtol {} passes",
                                  count_of(sum.compared, "input", "inputs"), difference_words(sum.max_abs),
                                  difference_words(sum.mean_abs), difference_words(sum.passing_rtol));
  if (has_classes(*sum.worst) && sum.rows > 0) {
    words += ", " + rows_words(sum);
  }
  judge.judgement.saw(std::format("`{}`", output.name), words);
  if (sum.failing > 0) {
    judge_difference(judge, parity, output, sum);
  } else if (has_classes(*sum.worst) && sum.rows_agreeing < sum.rows) {
    judge.add("top1-differs",
              std::format("{} is within tolerance, but {} with `{}`", whose(judge, parity, *sum.worst),
                          rows_words(sum), judge.file(parity.reference)),
              "compare on real samples: with noise two classes may be as good as equal", parity.candidate);
  }
}

void judge_names(Judge& judge, const ParityFacts& parity) {
  for (const AnswerPairFacts& answer : parity.answers) {
    if (answer.only_in_reference.empty() && answer.only_in_candidate.empty()) {
      continue;
    }
    std::vector<std::string> parts;
    if (!answer.only_in_reference.empty()) {
      parts.push_back(std::format("`{}` gives {} too", judge.file(parity.reference),
                                  join_quoted(answer.only_in_reference, 6)));
    }
    if (!answer.only_in_candidate.empty()) {
      parts.push_back(std::format("`{}` gives {} too", judge.file(parity.candidate),
                                  join_quoted(answer.only_in_candidate, 6)));
    }
    judge.add("output-names",
              std::format("the outputs of `{}` and `{}` have no partner in each other: {}; expected the same "
                          "names",
                          judge.file(parity.candidate), judge.file(parity.reference), join(parts, ", ")),
              "export with `output_names=[...]` as the service reads them, or state which is which: "
              "`conversions: [{outputs: {logits: {name: output_0}}}]`",
              parity.candidate);
    judge.differs[parity.candidate - 1] = true;
    return;
  }
}

}  // namespace

void judge_answers(Judge& judge, const ParityFacts& parity) {
  // A conversion that differs from the original differs from the other conversions too.
  const auto told = [&](std::uint64_t file) { return file > 0 && judge.differs[file - 1]; };
  if (parity.candidate == 0 || parity.candidate > judge.differs.size() || told(parity.reference) ||
      told(parity.candidate)) {
    return;
  }
  for (const AnswerPairFacts& answer : parity.answers) {
    if (!answer.not_compared.empty()) {
      judge.untold.push_back(std::format("the answers of `{}` and `{}` to {} were not compared: {}",
                                         judge.file(parity.reference), judge.file(parity.candidate),
                                         input_words(judge.facts.model, answer.asked),
                                         first_line(answer.not_compared, 200)));
    }
  }
  judge.judgement.saw("compared",
                      std::format("{} with {}", judge.file(parity.candidate), judge.file(parity.reference)));
  judge_names(judge, parity);
  const std::vector<OutputOverInputs> outputs = outputs_of(parity);
  for (const OutputOverInputs& output : outputs) {
    judge_output(judge, parity, output);
  }
  if (outputs.empty() && judge.untold.empty() && judge.judgement.findings.empty()) {
    judge.untold.push_back(
        std::format("no output of `{}` and `{}` was compared; raise `random` or give `samples:`",
                    judge.file(parity.reference), judge.file(parity.candidate)));
  }
}

}  // namespace runup::checks::conversion_parity
