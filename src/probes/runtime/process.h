// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a runtime probe says of its own process for ColdStartFacts.

#include <sys/types.h>

#include <cstdint>

#include "base/bytes.h"

namespace runup {

// Share of the mapped file's pages that are in the page cache, 0..1, by mincore(2). Ask before
// touching the mapping. The kernel answers 1 for a file that this user may neither own nor write.
double cached_share(Bytes mapped);

// VmHWM of /proc/PID/status: the largest resident size so far; 0 when it cannot be read.
std::uint64_t peak_resident_bytes();
std::uint64_t peak_resident_bytes_of(pid_t process);

}  // namespace runup
