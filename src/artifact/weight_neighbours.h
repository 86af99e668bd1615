// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a call tells of its constants: a Linear's matrix stands beside its bias, and the parameters of a
// recurrent layer in their order. Frozen TorchScript has no names; this is all that is left of them.

#include "artifact/weight_state.h"

namespace runup::artifact {

// Candidates that stand beside a settled one in the same call.
void match_by_neighbour(WeightState& state);

// Opens tensors again whose numbers were found in another module's call, or the wrong way round.
void doubt_by_neighbour(WeightState& state);

}  // namespace runup::artifact
