// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the parts of this check share: its findings, and the judgement in the making.

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "check/check.h"
#include "check/wording.h"
#include "sizes.h"

namespace runup::checks::input_shape {

inline constexpr std::array kFindings{
    FindingInfo{"range-refused", Severity::error, "the model fails at sizes that the config declares"},
    FindingInfo{"axis-baked", Severity::error,
                "only the example's size of an axis works, though the axis is declared dynamic"},
    FindingInfo{"non-finite-at-size", Severity::error,
                "an output has NaN or infinity at some sizes, and none at the usual one"},
    FindingInfo{"rows-lost", Severity::warning, "a batch of several inputs does not give a row for each"},
    FindingInfo{"empty-at-size", Severity::warning, "an output is empty at some sizes"},
    FindingInfo{"wrong-size-accepted", Severity::note,
                "the model takes another size of a fixed dimension than the declared one"},
    FindingInfo{"fixed-axis-moves", Severity::note, "an axis without a range works at other sizes too"}};

// What a call with some size came to.
enum class Told { works, fails, untold };

struct Trial {
  std::int64_t size = 0;
  Told told = Told::untold;
  // the runtime's words, or why there is no answer
  std::string words;
  // null unless it works
  const ExperimentFacts* answer = nullptr;
};
using Trials = std::vector<Trial>;

struct Judge {
  const Facts& facts;
  const Options& options;
  Judgement& judgement;
  const SizePlan& plan;
  const RuntimeFacts* runtime = nullptr;
  // what could not be told
  std::vector<std::string> untold;
  // some declared size failed, and a finding says so
  bool range_failed = false;

  Finding& add(std::string_view id, std::string message, std::string fix) {
    judgement.findings.push_back(
        make_finding(kFindings, id, std::move(message), std::move(fix), model_location(facts)));
    return judgement.findings.back();
  }
  void saw(const std::string& name, std::string value) { judgement.saw(name, std::move(value)); }
  Trial trial(const Experiment& experiment, std::int64_t size) const;
};

Trials with(const Trials& trials, Told told);
// "1, 2 and 500", of many the first ones.
std::string sizes_text(const Trials& trials);
// "`time` 500 and `batch` 8"
std::string combination_text(const Sizes& sizes);
// ", with `time` 2"; empty when there is nothing beside
std::string beside_text(const ModelDeclaration& model, const Sizes& beside);
// The words without what differs from size to size, so that one cause is told once.
std::string cause_of(std::string_view words);
// What a runtime said, in quotes.
std::string in_quotes(std::string_view words);

// The sizes of the dynamic axes that the config declares, alone and together.
void judge_range(Judge& judge, const AxisPlan& axis);
void judge_corners(Judge& judge);
// What came out at those sizes, against what comes out at the usual ones.
void judge_outputs(Judge& judge, const AxisPlan& axis, const Trials& good);
// How far the axis can grow.
void judge_limit(Judge& judge, const AxisPlan& axis);
// The sizes that the model should refuse.
void judge_fixed(Judge& judge);

// The limit that a `limit` experiment found for the axis; null when it found none.
const LimitFacts* found_limit(const Judge& judge, const AxisPlan& axis);

}  // namespace runup::checks::input_shape
