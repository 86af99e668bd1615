// SPDX-License-Identifier: Apache-2.0
#pragma once

// A process's own network: a loopback alone, from which nothing outside is reached and which nothing outside reaches.

#include "base/result.h"

namespace runup {

// Binds this process, which must have one thread, and its future children. Needs the privilege for it, or user
// namespaces; without them an error says so, and the process has the network that it had.
Result<void> enter_own_network();

// In a network that is this process's own: makes its loopback usable.
Result<void> raise_loopback();

}  // namespace runup
