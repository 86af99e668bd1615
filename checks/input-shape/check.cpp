// SPDX-License-Identifier: Apache-2.0
#include "check/check.h"

#include <algorithm>
#include <format>

#include "base/text.h"
#include "check/witness.h"
#include "judge.h"

namespace runup::checks::input_shape {

namespace {

void push_new(std::vector<Experiment>& experiments, const Experiment& experiment) {
  if (std::ranges::find(experiments, experiment) == experiments.end()) {
    experiments.push_back(experiment);
  }
}

// Sizes that work alone may fail beside small ones, which then were the base of all of an axis's sizes.
void judge_bases(Judge& judge) {
  const ModelDeclaration& model = judge.facts.model;
  for (const AxisPlan& axis : judge.plan.axes) {
    Sizes sizes = axis.beside;
    sizes[axis.name] = axis.example;
    const Trial base = judge.trial(experiment_of(model, sizes), axis.example);
    if (base.told == Told::fails && !judge.range_failed) {
      judge.range_failed = true;
      judge.add("range-refused",
                std::format("{} fail together; expected every combination of the declared sizes to work: {}",
                            combination_text(sizes), in_quotes(base.words)),
                "make the model take both, or declare ranges of which all combinations work");
    }
  }
}

void judge_runtime(Judge& judge) {
  const Trial usual = judge.trial(experiment_of(judge.facts.model, {}), 0);
  if (usual.told == Told::untold) {
    judge.untold.push_back("the usual sizes: " + usual.words);
  } else if (usual.told == Told::works) {
    judge.saw("usual sizes", "work");
  }
  for (const AxisPlan& axis : judge.plan.axes) {
    judge_range(judge, axis);
  }
  judge_corners(judge);
  if (usual.told == Told::works) {
    judge_bases(judge);
  } else if (usual.told == Told::fails && !judge.range_failed) {
    judge.untold = {std::format("blocked: the model refuses the usual sizes ({}); see `inference`",
                                in_quotes(usual.words))};
  }
  for (const AxisPlan& axis : judge.plan.axes) {
    judge_limit(judge, axis);
  }
  judge_fixed(judge);
}

}  // namespace

std::vector<Experiment> plan(const ModelDeclaration& model, const Options& options) {
  std::vector<Experiment> experiments;
  const SizePlan sizes = plan_sizes(model, options);
  if (sizes.axes.empty() && sizes.fixed.empty()) {
    return experiments;
  }
  push_new(experiments, experiment_of(model, {}));
  for (const AxisPlan& axis : sizes.axes) {
    for (const std::int64_t size : axis.sizes) {
      push_new(experiments, experiment_of(model, axis, size));
    }
  }
  for (const Sizes& corner : sizes.corners) {
    push_new(experiments, experiment_of(model, corner));
  }
  if (!sizes.fixed.empty()) {
    push_new(experiments, experiment_of(model, sizes.beside));
  }
  for (const FixedPlan& fixed : sizes.fixed) {
    for (const std::int64_t size : fixed.sizes) {
      push_new(experiments, experiment_of(model, sizes, fixed, size));
    }
  }
  for (const AxisPlan& axis : sizes.axes) {
    if (axis.limit) {
      push_new(experiments, *axis.limit);
    }
  }
  return experiments;
}

Judgement judge(const Facts& facts, const Options& options) {
  const SizePlan sizes = plan_sizes(facts.model, options);
  if (facts.model.inputs.empty()) {
    return Judgement::skip("the config declares no `inputs:`, so that no size is known to be right or wrong");
  }
  if (sizes.axes.empty() && sizes.fixed.empty()) {
    return Judgement::skip("the declared inputs have no dimension whose size could be another one");
  }
  Judgement judgement;
  const RuntimeFacts* witness = speaking_witness(facts);
  if (witness == nullptr) {
    judgement.undecided = not_loaded_words(facts);
    return judgement;
  }
  Judge judge{facts, options, judgement, sizes, witness};
  judge_runtime(judge);
  if (!judge.untold.empty()) {
    judgement.undecided = join(judge.untold, "; ");
  }
  return judgement;
}

extern const CheckInfo kCheck;
const CheckInfo kCheck =
    define_check<Options, judge, plan>("input-shape", kFindings, {.runtime = true, .conversions = true});

}  // namespace runup::checks::input_shape
