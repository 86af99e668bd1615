// SPDX-License-Identifier: Apache-2.0
#pragma once

// The rules that hold between the values of a config: axes that shapes name, ranges, names, devices.
// What could not be bound is passed over, so that one mistake gives one message.

#include <vector>

#include "config/binder.h"

namespace runup {

// Appends to `bound.diagnostics`.
void validate(Bound& bound);

}  // namespace runup
