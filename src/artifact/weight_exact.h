// SPDX-License-Identifier: Apache-2.0
#pragma once

// Finds the tensors of the original whose numbers a conversion holds unchanged.

#include "artifact/weight_forms.h"
#include "artifact/weight_state.h"

namespace runup::artifact {

// Candidates with a tensor's own name.
void match_by_name(WeightState& state);
// Candidates that are read by a node of the tensor's module.
void match_by_layer(WeightState& state, const std::vector<RecurrentForms>& recurrent);
// Any candidate that holds the same numbers, in one of `forms`.
void match_by_value(WeightState& state, const std::vector<Form>& forms);
// The tensor of the original whose numbers, read as `form` reads them, the candidate holds exactly, when
// only one does and they are not all the same.
std::optional<std::size_t> held_instead(WeightState& state, const Form& form, std::size_t candidate);

// All forms that tensors may take by themselves, and `joined` ones.
std::vector<Form> all_forms(const WeightState& state, const std::vector<RecurrentForms>& recurrent);

}  // namespace runup::artifact
