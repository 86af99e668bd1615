// SPDX-License-Identifier: Apache-2.0
#pragma once

// What is left when everything that is unchanged was found: tensors whose numbers are somewhere, but changed.

#include "artifact/weight_state.h"

namespace runup::artifact {

// Notes candidates that nothing else explains as suspects of tensors that are still open, by the likeness of
// their numbers; finds tensors of which only the beginning is left.
void match_alike(WeightState& state, const std::vector<Form>& forms);

// Decides which suspects are reported as differences.
void judge_suspects(WeightState& state);

}  // namespace runup::artifact
