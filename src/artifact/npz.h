// SPDX-License-Identifier: Apache-2.0
#pragma once

// Several arrays in one file: NumPy's .npz, a zip with one .npy member for each array, stored (np.savez) or
// deflated (np.savez_compressed).
// https://numpy.org/doc/stable/reference/generated/numpy.savez.html

#include <cstdint>
#include <string>
#include <vector>

#include "artifact/npy.h"

namespace runup {

struct NpzArray {
  // the member's name without `.npy`
  std::string name;
  // its data is a view into the file, or into `owned`
  NpyArray array;
  std::vector<std::byte> owned;
};

bool looks_like_npz(Bytes file);

// All arrays, in the file's order. Refused, each with its reason: an archive that is damaged or contradicts
// itself, members that are no .npy files or that read_npy() refuses, two of one name, more than 1000, and
// (ErrorCode::limit) more than `most_bytes` of them together.
Result<std::vector<NpzArray>> read_npz(Bytes file, std::uint64_t most_bytes);

}  // namespace runup
