// SPDX-License-Identifier: Apache-2.0
#pragma once

// What an audit knows beside a gate's facts: the last ready run, the service's unit, and what the service that runs
// answers.

#include <string>
#include <vector>

#include "runner/observe_model.h"

namespace runup {

// Fills in `target.unit` and `target.running`.
void observe_standing(RunContext& context, TargetFacts& target);

// What the last ready report says of a model.
Observed<PastRunFacts> last_ready_of(const RunnerSettings& settings, const std::string& model);

// The times that were measured for `warmup-budget`, of the witness that speaks for the model.
std::vector<Measurement> measurements_of(const PlannedModel& model, const Facts& facts);

}  // namespace runup
