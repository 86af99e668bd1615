// SPDX-License-Identifier: Apache-2.0
#pragma once

// The torch probe, asked for experiments: in one process as long as it lives, and in a fresh one for
// what is left when it died.

#include "config/plan.h"
#include "facts/facts.h"
#include "runner/context.h"
#include "runner/core_probes.h"

namespace runup {

// Why no runtime can run the model that `facts` describe, and what to give; nothing when the torch
// probe can try.
std::optional<Absence> runtime_obstacle(const RunContext& context, const Facts& facts);

// Asks for all experiments of the model's checks, cold starts last. `host` bounds the memory.
Observed<RuntimeFacts> observe_runtime(RunContext& context, const PlannedModel& model,
                                       const OpenedFile& artifact, const Observed<HostFacts>& host);

}  // namespace runup
