// SPDX-License-Identifier: Apache-2.0
#pragma once

// The rules that hold between the values of a config: axes that shapes name, ranges, names, devices.
// What could not be bound is passed over, so that one mistake gives one message.

#include <vector>

#include "config/binder.h"

namespace runup {

// Appends to `bound.diagnostics`. `type` is what was bound. Without `all_checks_known` a check that it does not have may
// be a plugin's.
void validate(Bound& bound, const TypeInfo& type, bool all_checks_known);

}  // namespace runup
