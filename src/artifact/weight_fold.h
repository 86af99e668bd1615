// SPDX-License-Identifier: Apache-2.0
#pragma once

// Undoes what converters compute before a model runs: a batch norm folded into the layer before it.

#include "artifact/weight_state.h"

namespace runup::artifact {

// Finds the layers that are still open among candidates that hold their numbers times a factor for each
// channel, and the batch norm that gives these factors. Only batch norms are believed of which the
// conversion has no statistics under their own names.
void match_folded(WeightState& state);

}  // namespace runup::artifact
