// SPDX-License-Identifier: Apache-2.0
#pragma once

// The server, started as it is and once for each damage to its files.

#include <vector>

#include "facts/facts.h"
#include "runner/context.h"
#include "runner/observe_model.h"

namespace runup {

// For each of the plan's models, in their order, what the started server did: Facts::served. Nothing is started where no
// judged check needs it or the config has no `service:`. A model whose file the server does not open, though it opens
// another's, is AbsenceKind::not_requested.
std::vector<Observed<ServiceFacts>> observe_service(RunContext& context, const TargetFacts& target);

}  // namespace runup
