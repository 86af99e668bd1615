// SPDX-License-Identifier: Apache-2.0
#pragma once

// Calling a loaded model. Includes libtorch's headers: for this folder's sources only.

#include <functional>
#include <memory>
#include <vector>

#include <ATen/core/function_schema.h>
#include <ATen/core/ivalue.h>
#include <c10/core/Device.h>

#include "probes/torch/loading.h"

namespace runup {

struct Callable {
  // takes the inputs as arguments; may throw
  std::function<c10::IValue(std::vector<c10::IValue>)> run;
  // how the inputs are handed over: one argument each, in order; or all in the only argument, when
  // that is a `Dict[str, Tensor]` (by name) or a `List[Tensor]`
  enum class Passing { each, dict, list } passing = Passing::each;
  c10::Device device{c10::DeviceType::CPU};
  // TorchScript's optimising executor
  bool optimise = true;
};

// By the arguments that follow `first` others (self, or the state_dict).
Callable::Passing passing_of(const c10::FunctionSchema& schema, std::size_t first);

std::unique_ptr<Model> make_model(Callable callable);

}  // namespace runup
