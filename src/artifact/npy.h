// SPDX-License-Identifier: Apache-2.0
#pragma once

// Arrays in NumPy's .npy format, versions 1 to 3: magic, header length, a Python dict literal with
// `descr`, `fortran_order` and `shape`, then the elements.
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace runup {

struct NpyArray {
  // PyTorch's name of the element type: `float32`, `int64`, `bool`
  std::string dtype;
  std::size_t item_bytes = 0;
  std::vector<std::int64_t> shape;
  std::uint64_t elements = 0;
  // elements are stored with the first axis varying fastest
  bool fortran_order = false;
  // the elements, little-endian; a view into the file
  Bytes data;
};

// Refused, each with its reason: big-endian and structured arrays, Python objects (they are pickles),
// text, complex and date types, more than 32 axes, and a file that is shorter or longer than its
// header says.
Result<NpyArray> read_npy(Bytes file);

// The elements in row-major order (last axis varies fastest).
std::vector<std::byte> row_major(const NpyArray& array);

}  // namespace runup
