// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <format>
#include <optional>

#include "judge.h"

namespace runup::checks::inference {

namespace {

// The size that a named axis has in an experiment; nothing for a sample, whose sizes are its own.
std::optional<std::int64_t> axis_size(const ModelDeclaration& model, const Experiment& asked,
                                      const std::string& axis) {
  if (asked.fill == Fill::sample) {
    return std::nullopt;
  }
  if (const auto own = asked.axes.find(axis); own != asked.axes.end()) {
    return own->second;
  }
  const auto declared = model.axes.find(axis);
  return declared == model.axes.end() ? std::nullopt : std::optional(declared->second.example);
}

// The shape that the first output must have: from the option, else only the batch axis at its front.
std::vector<Dimension> wanted_shape(const Judge& judge) {
  if (!judge.options.output_shape.empty()) {
    return judge.options.output_shape;
  }
  const auto& inputs = judge.facts.model.inputs;
  const bool batched =
      !inputs.empty() && !inputs.front().shape.empty() && inputs.front().shape.front().axis == "batch";
  return batched ? std::vector<Dimension>{inputs.front().shape.front()} : std::vector<Dimension>{};
}

bool has_shape(const Judge& judge, const ExperimentFacts& answer, const std::vector<Dimension>& wanted) {
  const std::vector<std::int64_t>& shape = answer.outputs.front().shape;
  const bool whole = !judge.options.output_shape.empty();
  if (shape.size() < wanted.size() || (whole && shape.size() != wanted.size())) {
    return false;
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto size = wanted[i].axis.empty() ? std::optional(wanted[i].size)
                                             : axis_size(judge.facts.model, answer.asked, wanted[i].axis);
    if (size && *size != shape[i]) {
      return false;
    }
  }
  return true;
}

// Probabilities that are exactly 0 and 1, as a classifier answers to what it was never trained for.
bool is_saturated(const OutputFacts& output) {
  return output.min >= 0 && output.max == 1 &&
         std::ranges::all_of(output.first, [](double value) { return value == 0 || value == 1; });
}

std::string dimensions_text(const std::vector<Dimension>& shape, bool whole) {
  std::vector<std::string> words;
  for (const Dimension& dimension : shape) {
    words.push_back(dimension.axis.empty() ? std::to_string(dimension.size) : dimension.axis);
  }
  return "[" + join(words, ", ") + (whole ? "]" : ", ...]");
}

}  // namespace

void judge_finite(Judge& judge, const Answers& answers) {
  Answers bad;
  for (const ExperimentFacts* answer : answers) {
    if (std::ranges::any_of(answer->outputs, [](const OutputFacts& output) {
          return output.nan_count + output.inf_count > 0;
        })) {
      bad.push_back(answer);
    }
  }
  if (bad.empty()) {
    return;
  }
  const auto& outputs = bad.front()->outputs;
  const OutputFacts& output = *std::ranges::find_if(
      outputs, [](const OutputFacts& each) { return each.nan_count + each.inf_count > 0; });
  judge.add("non-finite",
            std::format("`{}` has {} NaN and {} infinite of {} for {}; expected finite numbers", output.name,
                        output.nan_count, output.inf_count, count_of(output.elements, "element", "elements"),
                        judge.inputs_of(bad)),
            "look for NaN or negative variances in the weights (`{k for k, v in state_dict.items() if not "
            "v.isfinite().all()}`) and "
            "go back to an earlier checkpoint");
  // Real ones came out well.
  const bool only_artificial = bad.size() < answers.size() && std::ranges::all_of(bad, is_artificial);
  if (only_artificial) {
    judge.judgement.findings.back().severity = Severity::warning;
  }
}

void judge_shape(Judge& judge, const Answers& answers) {
  const std::vector<Dimension> wanted = wanted_shape(judge);
  Answers bad;
  for (const ExperimentFacts* answer : answers) {
    if (answer->outputs.front().elements == 0 || !has_shape(judge, *answer, wanted)) {
      bad.push_back(answer);
    }
  }
  if (bad.empty()) {
    return;
  }
  const OutputFacts& output = bad.front()->outputs.front();
  judge.add("wrong-shape",
            std::format("`{}` is {} for {}; expected {}", output.name, shape_text(output.shape),
                        judge.inputs_of(bad),
                        output.elements == 0 ? "at least one element"
                                             : dimensions_text(wanted, !judge.options.output_shape.empty())),
            "keep the batch axis through the model (no `squeeze()` without a dimension), or correct "
            "`inputs:` and `output_shape`");
  // A detector's boxes have no batch axis, and noise has none of them: only for class names it is sure
  // that each input has its row.
  const bool recorded = std::ranges::any_of(
      bad, [](const ExperimentFacts* answer) { return answer->asked.fill == Fill::sample; });
  const bool stated = !judge.options.output_shape.empty() || (output.elements == 0 && recorded);
  if (judge.labels.chosen == nullptr && !stated) {
    judge.judgement.findings.back().severity = Severity::warning;
  }
}

void judge_constant(Judge& judge, const Answers& answers) {
  Answers different;
  for (const ExperimentFacts* answer : answers) {
    const OutputFacts& output = answer->outputs.front();
    // What is empty or not finite has its finding, and no value to compare.
    const bool finite = output.nan_count + output.inf_count == 0 && output.elements > 0;
    if (finite && (answer->asked.fill != Fill::random || inputs_differ(judge.facts.model))) {
      different.push_back(answer);
    }
  }
  const bool floating = std::ranges::all_of(different, [](const ExperimentFacts* answer) {
    return answer->outputs.front().dtype.contains("float");
  });
  if (!floating || !same_output(different)) {
    return;
  }
  const OutputFacts& output = different.front()->outputs.front();
  judge.add(
      "constant-output",
      std::format(
          "{} different inputs ({}) give the same `{}`, {} to {}; expected outputs that depend on the input",
          different.size(), judge.inputs_of(different), output.name, output.min, output.max),
      "look for weights that are all zero or were never loaded (`strict=False`), and for inputs that "
      "pre-processing wipes out");
  // A single saturated number is a plausible answer to noise, and so is one certain class.
  if (output.elements == 1 || is_saturated(output)) {
    judge.judgement.findings.back().severity = Severity::warning;
  }
}

}  // namespace runup::checks::inference
