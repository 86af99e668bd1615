// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <format>
#include <functional>

#include "base/text.h"
#include "judge.h"

namespace runup::checks::input_shape {

namespace {

constexpr std::string_view kBatch = "batch";

using Outputs = std::vector<OutputFacts>;

// The trials of which some output is so, where the output of the usual input is not; `output` is the first.
struct Changed {
  Trials trials;
  const OutputFacts* output = nullptr;
};

Changed changed(const Trials& good, const Outputs& usual, const std::function<bool(const OutputFacts&)>& is) {
  Changed found;
  for (const Trial& trial : good) {
    const Outputs& outputs = trial.answer->outputs;
    for (std::size_t i = 0; i < std::min(outputs.size(), usual.size()); ++i) {
      if (is(outputs[i]) && !is(usual[i])) {
        found.trials.push_back(trial);
        found.output = found.output == nullptr ? &outputs[i] : found.output;
        break;
      }
    }
  }
  return found;
}

void judge_finite(Judge& judge, const AxisPlan& axis, const Trials& good, const Outputs& usual) {
  const auto bad =
      changed(good, usual, [](const OutputFacts& output) { return output.nan_count + output.inf_count > 0; });
  // Numbers that are infinite on purpose (a mask) say nothing; those that are not at the usual size are hardly so.
  if (bad.trials.empty()) {
    return;
  }
  const OutputFacts& output = *bad.output;
  Finding& finding = judge.add(
      "non-finite-at-size",
      std::format("`{}` has {} NaN and {} infinite of {} at `{}` {}{}, and none at the usual sizes; expected "
                  "finite numbers at every declared size",
                  output.name, output.nan_count, output.inf_count,
                  count_of(output.elements, "element", "elements"), axis.name, sizes_text(bad.trials),
                  beside_text(judge.facts.model, axis.beside)),
      "look for a mean, variance or softmax over nothing or over one element, and correct it or the `range` "
      "of "
      "the axis");
  if (std::ranges::none_of(bad.trials, [](const Trial& trial) {
        return std::ranges::any_of(trial.answer->outputs,
                                   [](const OutputFacts& each) { return each.nan_count > 0; });
      })) {
    finding.severity = Severity::warning;
  }
}

void judge_empty(Judge& judge, const AxisPlan& axis, const Trials& good, const Outputs& usual) {
  const auto bad = changed(good, usual, [](const OutputFacts& output) { return output.elements == 0; });
  if (bad.trials.empty()) {
    return;
  }
  Finding& finding =
      judge.add("empty-at-size",
                std::format("`{}` is {} at `{}` {}{}; expected at least one element, as at the usual sizes",
                            bad.output->name, shape_text(bad.output->shape), axis.name,
                            sizes_text(bad.trials), beside_text(judge.facts.model, axis.beside)),
                "pad such inputs, or take the sizes out of the axis's `range`");
  // As many rows as there is something to tell of: a detector sees nothing in noise.
  if (!bad.output->shape.empty() && bad.output->shape.front() == 0) {
    finding.severity = Severity::note;
  }
}

bool leads_everywhere(const ModelDeclaration& model, const std::string& axis) {
  return std::ranges::all_of(model.inputs, [&](const InputDeclaration& input) {
    return !input.shape.empty() && input.shape.front().axis == axis;
  });
}

bool has_rows(const Outputs& outputs, std::int64_t rows) {
  return !outputs.empty() && !outputs.front().shape.empty() && outputs.front().shape.front() == rows;
}

void judge_rows(Judge& judge, const AxisPlan& axis, const Trials& good) {
  const ModelDeclaration& model = judge.facts.model;
  const Trial base = judge.trial(experiment_of(model, axis, axis.example), axis.example);
  if (axis.name != kBatch || !leads_everywhere(model, axis.name) || base.told != Told::works ||
      !has_rows(base.answer->outputs, axis.example)) {
    return;
  }
  Trials bad;
  std::ranges::copy_if(good, std::back_inserter(bad), [](const Trial& trial) {
    return !trial.answer->outputs.empty() && !has_rows(trial.answer->outputs, trial.size);
  });
  if (bad.empty()) {
    return;
  }
  const OutputFacts& output = bad.front().answer->outputs.front();
  Finding& finding = judge.add(
      "rows-lost",
      std::format(
          "`{}` is {} for `{}` {}{}; expected a row for each of the {} inputs, as at {}{}", output.name,
          shape_text(output.shape), axis.name, bad.front().size, beside_text(model, axis.beside),
          bad.front().size, axis.example,
          bad.size() > 1 ? std::format(" (the same at {})", sizes_text({bad.begin() + 1, bad.end()})) : ""),
      "use `x.size(0)` where the model reshapes, and no mean, `squeeze()` or `view(1, ...)` over the batch");
  // A classifier's row is an answer to somebody.
  if (model.labels && model.labels->from != LabelSource::none) {
    finding.severity = Severity::error;
  }
}

}  // namespace

void judge_outputs(Judge& judge, const AxisPlan& axis, const Trials& good) {
  // With the same sizes beside it: what those do to the outputs is no doing of this axis.
  const Trial usual = judge.trial(experiment_of(judge.facts.model, axis, axis.example), axis.example);
  if (usual.told == Told::works) {
    judge_finite(judge, axis, good, usual.answer->outputs);
    judge_empty(judge, axis, good, usual.answer->outputs);
  }
  judge_rows(judge, axis, good);
}

}  // namespace runup::checks::input_shape
