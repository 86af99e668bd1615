// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"

namespace runup {

// Gives this process, which must have one thread, namespaces of its own of these kinds (CLONE_NEWNS, CLONE_NEWNET):
// with the privilege for it, or in a user namespace in which it is who it was.
Result<void> leave_namespaces(int kinds);

}  // namespace runup
