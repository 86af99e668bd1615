// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <format>
#include <numeric>

#include "base/text.h"
#include "judge.h"

namespace runup::checks::input_shape {

namespace {

// What the sizes that fail have in common, in words and with what to do about it; only what holds for every
// size that was tried.
struct Pattern {
  // completes "3 of 9 sizes fail: 251, 499 and 500 (...)"
  std::string words;
  std::string fix;
};

std::int64_t smallest(const Trials& trials) { return std::ranges::min(trials, {}, &Trial::size).size; }
std::int64_t largest(const Trials& trials) { return std::ranges::max(trials, {}, &Trial::size).size; }

// The greatest number that divides every size that works and none that fails; 1 when there is none.
std::int64_t common_factor(const Trials& good, const Trials& bad) {
  std::int64_t factor = 0;
  for (const Trial& trial : good) {
    factor = std::gcd(factor, trial.size);
  }
  const bool excludes = factor > 1 && good.size() > 1 && std::ranges::all_of(bad, [&](const Trial& trial) {
                          return trial.size % factor != 0;
                        });
  return excludes ? factor : 1;
}

Pattern above(const Judge& judge, const AxisPlan& axis, const Trials& good, const Trials& bad) {
  const LimitFacts* limit = found_limit(judge, axis);
  const bool exact = limit != nullptr && limit->largest >= largest(good) && limit->refused <= smallest(bad);
  const std::int64_t last = exact ? limit->largest : largest(good);
  return {.words = exact ? std::format("it works up to {} and is refused from {} on", last, limit->refused)
                         : std::format("those up to {} work", last),
          .fix = std::format(
              "declare `range: [{}, {}]` and refuse longer inputs before the model, or deploy a model whose "
              "tables and constants reach to {}",
              axis.low, last, axis.high)};
}

Pattern pattern_of(const Judge& judge, const AxisPlan& axis, const Trials& good, const Trials& bad) {
  const std::string declare =
      "make the model take every declared size, or correct the `range` of the axis and refuse the rest "
      "before "
      "the model";
  if (smallest(bad) > largest(good)) {
    return above(judge, axis, good, bad);
  }
  if (largest(bad) < smallest(good)) {
    return {.words = std::format("those from {} on work", smallest(good)),
            .fix = std::format("declare `range: [{}, {}]`, and pad or refuse smaller inputs before the model",
                               smallest(good), axis.high)};
  }
  if (const std::int64_t factor = common_factor(good, bad); factor > 1) {
    return {.words = std::format("only multiples of {} work", factor),
            .fix = std::format("pad to a multiple of {0} in the model's own `forward`; where the service "
                               "does it before, say so: "
                               "`checks: {{input-shape: {{step: {{{1}: {0}}}}}}}`",
                               factor, axis.name)};
  }
  if (bad.size() == 1) {
    return {.words = "every other size that was tried works", .fix = declare};
  }
  return {.words = std::format("{} work", sizes_text(good)), .fix = declare};
}

// What the file itself says of its inputs, where the runtime tells.
void add_declared_shapes(const Judge& judge, Finding& finding) {
  for (const DeclaredValueFacts& input : judge.runtime->load.inputs) {
    finding.evidence.push_back({.name = "declared by the file",
                                .value = std::format("`{}` {}", input.name, shape_text(input.shape))});
  }
}

void add_baked(Judge& judge, const AxisPlan& axis, const Trials& all, const Trials& bad) {
  Finding& finding = judge.add(
      "axis-baked",
      std::format(
          "`{}` works at {} alone, its example, and fails at {}{}; expected every size from {} to {}: {}",
          axis.name, axis.example, sizes_text(bad), beside_text(judge.facts.model, axis.beside), axis.low,
          axis.high, in_quotes(bad.front().words)),
      std::format(
          "export the model again so that the size stays open (`torch.jit.script` instead of a trace, "
          "`dynamic_axes` or `dynamic_shapes` in an ONNX export, `x.size(0)` instead of a number), or "
          "take the `range` of `{}` away",
          axis.name));
  finding.evidence.push_back({.name = "sizes tried", .value = sizes_text(all)});
  add_declared_shapes(judge, finding);
}

// One finding for each thing that the runtime said.
void add_refusals(Judge& judge, const AxisPlan& axis, const Trials& all, const Trials& good,
                  const Trials& bad) {
  std::vector<std::pair<std::string, Trials>> causes;
  for (const Trial& trial : bad) {
    const std::string cause = cause_of(trial.words);
    auto same = std::ranges::find(causes, cause, &std::pair<std::string, Trials>::first);
    if (same == causes.end()) {
      same = causes.insert(causes.end(), {cause, {}});
    }
    same->second.push_back(trial);
  }
  for (const auto& [cause, trials] : causes) {
    const Pattern pattern = pattern_of(judge, axis, good, trials);
    Finding& finding = judge.add(
        "range-refused",
        std::format("{} of {} of `{}` {}{}: {} ({}); expected every size from {} to {} to work: {}",
                    trials.size(), count_of(all.size(), "size", "sizes"), axis.name,
                    trials.size() == 1 ? "fails" : "fail", beside_text(judge.facts.model, axis.beside),
                    sizes_text(trials), pattern.words, axis.low, axis.high, in_quotes(trials.front().words)),
        pattern.fix);
    finding.evidence.push_back({.name = "works", .value = sizes_text(good)});
    add_declared_shapes(judge, finding);
  }
}

// Once for each cause, since a probe that died takes much with it.
void add_untold(Judge& judge, const AxisPlan& axis, const Trials& untold) {
  std::vector<std::pair<std::string, Trials>> causes;
  for (const Trial& trial : untold) {
    const std::string cause = cause_of(trial.words);
    auto same = std::ranges::find(causes, cause, &std::pair<std::string, Trials>::first);
    if (same == causes.end()) {
      same = causes.insert(causes.end(), {cause, {}});
    }
    same->second.push_back(trial);
  }
  for (const auto& [cause, trials] : causes) {
    judge.untold.push_back(std::format("`{}` {}: {}", axis.name, sizes_text(trials), trials.front().words));
  }
}

bool is_usual(const ModelDeclaration& model, const AxisPlan& axis) {
  return experiment_of(model, axis, axis.example) == experiment_of(model, {});
}

}  // namespace

void judge_range(Judge& judge, const AxisPlan& axis) {
  Trials all;
  for (const std::int64_t size : axis.sizes) {
    all.push_back(judge.trial(experiment_of(judge.facts.model, axis, size), size));
  }
  const Trials good = with(all, Told::works);
  const Trials bad = with(all, Told::fails);
  add_untold(judge, axis, with(all, Told::untold));
  for (const std::int64_t size : axis.left_out) {
    judge.untold.push_back(
        std::format("`{}` {} was not tried: such inputs are too large, or the model has too many axes; give "
                    "the axis a `range` that a test can afford",
                    axis.name, size));
  }
  if (good.empty() && !bad.empty()) {
    // What is beside the axis may be at fault; when it is the usual, `inference` has said so.
    judge.untold.push_back(
        std::format("`{}` could not be varied: no size of it works{}: {}", axis.name,
                    is_usual(judge.facts.model, axis) ? "" : beside_text(judge.facts.model, axis.beside),
                    in_quotes(bad.front().words)));
    return;
  }
  const bool only_example = good.size() == 1 && good.front().size == axis.example;
  if (!bad.empty()) {
    judge.range_failed = true;
    if (only_example && good.size() + bad.size() == all.size()) {
      add_baked(judge, axis, all, bad);
    } else {
      add_refusals(judge, axis, all, good, bad);
    }
  } else if (!good.empty()) {
    judge.saw(std::format("`{}`", axis.name),
              std::format("works at {}{}", sizes_text(good), beside_text(judge.facts.model, axis.beside)));
  }
  judge_outputs(judge, axis, good);
}

void judge_corners(Judge& judge) {
  const bool usual_works = judge.trial(experiment_of(judge.facts.model, {}), 0).told == Told::works;
  for (const Sizes& corner : judge.plan.corners) {
    const Trial trial = judge.trial(experiment_of(judge.facts.model, corner), 0);
    const std::string sizes = combination_text(corner);
    if (trial.told == Told::untold) {
      judge.untold.push_back(std::format("{} together: {}", sizes, trial.words));
    } else if (trial.told == Told::works) {
      judge.saw("together", sizes + " work");
    } else if (usual_works && !judge.range_failed) {
      judge.range_failed = true;
      judge.add(
          "range-refused",
          std::format("{} fail together, and each alone works; expected every combination of the declared "
                      "sizes to work: {}",
                      sizes, in_quotes(trial.words)),
          "make the model take both, or declare ranges of which all combinations work");
    }
  }
  for (const std::string& words : judge.plan.not_tried) {
    judge.saw("not tried", words);
  }
}

}  // namespace runup::checks::input_shape
