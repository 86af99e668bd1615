// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "artifact/weight_state.h"

namespace runup::artifact {

// Finds the weight that torch.nn.utils.weight_norm makes of a direction and a magnitude, where a conversion
// holds only the weight.
void match_weight_norm(WeightState& state);

}  // namespace runup::artifact
