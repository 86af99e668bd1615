// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "artifact/pickle_value.h"

namespace runup::artifact {

// What joblib's NumpyArrayWrapper says of the array behind it in the stream (joblib/numpy_pickle.py).
struct JoblibArray {
  // an array of objects follows as a pickle of its own
  bool pickled = false;
  // a byte that counts padding, and the padding, stand before the data (joblib 1.1 and later)
  bool aligned = false;
  std::uint64_t bytes = 0;
};

// Nothing when `id` is no such wrapper.
std::optional<Read<JoblibArray>> joblib_array(const Pickle& pickle, ValueId id);

}  // namespace runup::artifact
