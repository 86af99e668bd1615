// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/plan.h"
#include "facts/facts.h"
#include "runner/context.h"

namespace runup {

// What is observed once for the whole target.
struct TargetFacts {
  Observed<ArchiveFacts> archive;
  Observed<PackageFacts> package;
  Observed<HostFacts> host;
  // Facts::served of each model, in the plan's order
  std::vector<Observed<ServiceFacts>> served;
  // of an audit
  Observed<UnitFacts> unit;
  Observed<RunningFacts> running;
};

// All that the model's judged checks need to know of it and of its conversions.
Facts observe_model(RunContext& context, const PlannedModel& model, const TargetFacts& target);

}  // namespace runup
