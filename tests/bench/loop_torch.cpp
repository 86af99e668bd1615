// SPDX-License-Identifier: Apache-2.0
// A TorchScript archive, called by libtorch and nothing else.
#include <ATen/ATen.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include "loop.h"

int main(int count, char** arguments) {
  if (count != 3) {
    return 1;
  }
  torch::jit::Module module = torch::jit::load(arguments[1], at::kCPU);
  module.eval();
  std::vector<float> values = bench::noise();
  const std::vector<c10::IValue> inputs = {at::from_blob(values.data(), bench::kShape)};
  const at::NoGradGuard no_gradients;
  bench::time_calls(arguments[2], [&] { module.forward(inputs); });
  return 0;
}
