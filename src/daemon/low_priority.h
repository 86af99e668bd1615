// SPDX-License-Identifier: Apache-2.0
#pragma once

// An audit stands beside a server that works: it takes what that leaves.

#include <cstdint>
#include <string>

namespace runup {

// Of this process and all that it starts: SCHED_IDLE, nice 19, and the idle class of I/O. What the system refuses
// stays as it is.
void take_low_priority();

// Looks at the processors for a moment (200 ms). Empty when at least one of them is idle, so that times can be
// measured; else why an audit measures none.
std::string busy_words();

}  // namespace runup
