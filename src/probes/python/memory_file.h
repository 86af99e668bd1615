// SPDX-License-Identifier: Apache-2.0
#pragma once

// Files in memory, by which this process and the interpreter below it hand each other bytes.

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace runup {

// Closed on exec.
Result<FileDescriptor> make_memory_file(const char* name);
Result<void> write_bytes(int file, Bytes bytes, std::uint64_t at);
// An error when they are not all there.
Result<std::vector<std::byte>> read_bytes(int file, std::uint64_t at, std::uint64_t count);

}  // namespace runup
