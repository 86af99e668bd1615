// SPDX-License-Identifier: Apache-2.0
#pragma once

// The floating-point tensors of a model file that may be compared, with names as the model has them.

#include <cstdint>
#include <string>
#include <vector>

#include "artifact/weight_numbers.h"
#include "artifact/weight_parity.h"
#include "base/result.h"

namespace runup::artifact {

struct WeightTensor {
  // key in the state_dict, or the tensor's name in its file
  std::string name;
  // as stated, for reports
  std::vector<std::int64_t> shape;
  // sizes other than 1
  std::vector<std::int64_t> sizes;
  // which tensor of ArtifactFacts
  std::size_t index = 0;
};

struct WeightPool {
  std::vector<WeightTensor> tensors;
  // of the same indices
  std::vector<TensorView> views;
  // floating-point or quantised tensors whose numbers cannot be compared
  std::vector<std::string> unreadable;
};

// An error says why the file has no tensors that could be meant.
Result<WeightPool> collect_weights(const WeightSource& source);

}  // namespace runup::artifact
