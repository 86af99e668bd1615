// SPDX-License-Identifier: Apache-2.0
#pragma once

// The symbolic pickle machine: runs the opcodes of protocols 0 to 5 with the stack, mark and memo
// rules of CPython's _pickle.c, and writes down what would be called instead of calling it.

#include "artifact/pickle_value.h"

namespace runup::artifact {

struct PickleOptions {
  // joblib puts the bytes of an array into the stream behind the object that describes it
  bool joblib = false;
};

// Reads one pickle that starts at `offset`. What went wrong is in the result, beside everything that
// was read before. The result's views point into `stream`, which must outlive it. Bounds: 50 million
// opcodes, 5 million values, 10 million stack slots.
Pickle read_pickle(Bytes stream, std::uint64_t offset = 0, const PickleOptions& options = {});

}  // namespace runup::artifact
