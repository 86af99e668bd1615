// SPDX-License-Identifier: Apache-2.0
#pragma once

// Includes libtorch's headers: for this folder's sources only.

#include <functional>
#include <vector>

#include <ATen/core/Tensor.h>

namespace runup {

// Runs `run` and says for each tensor whether its memory was an input of any operator meanwhile, also
// inside lists (the weights of an LSTM) and through views. Tensors that share memory are read together.
// One call at a time in a process.
std::vector<bool> tensors_read_during(const std::vector<at::Tensor>& tensors,
                                      const std::function<void()>& run);

}  // namespace runup
