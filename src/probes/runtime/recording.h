// SPDX-License-Identifier: Apache-2.0
#pragma once

// The arrays of a sample's file, and which input or output each of them is.

#include <span>
#include <string>
#include <vector>

#include "artifact/npz.h"

namespace runup {

// A .npy file is one array without a name.
struct Recording {
  std::vector<NpzArray> arrays;
};

// By content, not by name. Views into `file`, which must stay.
Result<Recording> read_recording(Bytes file, std::uint64_t most_bytes);

// For each of `names`, the array that is meant; null where there is none. An array is meant by its name; one
// alone whose name is nobody's is the first; `arr_0`, `arr_1`, ... (np.savez without names) are in order.
std::vector<const NpzArray*> assign_arrays(const Recording& recording, std::span<const std::string> names);

// "`ids` and `mask`"
std::string array_names(const Recording& recording);

}  // namespace runup
