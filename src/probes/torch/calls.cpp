// SPDX-License-Identifier: Apache-2.0
#include "probes/torch/calls.h"

#include <ATen/core/Dict.h>
#include <ATen/core/List.h>
#include <ATen/core/grad_mode.h>
#include <ATen/core/jit_type.h>
#include <torch/csrc/jit/runtime/graph_executor.h>

#include "probes/torch/tensors.h"
#include "probes/torch/wrapper.h"

namespace runup {

namespace {

std::vector<c10::IValue> arguments(const Callable& callable, const std::vector<InputValues>& inputs,
                                   Gradients gradients) {
  const std::vector<at::Tensor> tensors = input_tensors(inputs, callable.device);
  for (const at::Tensor& tensor : tensors) {
    if (gradients == Gradients::on && tensor.is_floating_point()) {
      tensor.requires_grad_();
    }
  }
  if (callable.passing == Callable::Passing::list) {
    return {c10::IValue(c10::List<at::Tensor>(tensors))};
  }
  if (callable.passing == Callable::Passing::dict) {
    c10::Dict<std::string, at::Tensor> named;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      named.insert(inputs[i].name, tensors[i]);
    }
    return {c10::IValue(named)};
  }
  return {tensors.begin(), tensors.end()};
}

// inference_mode would be stricter than most services are.
c10::IValue run(const Callable& callable, std::vector<c10::IValue> arguments, Gradients gradients) {
  const at::AutoGradMode mode(gradients == Gradients::on);
  const torch::jit::GraphOptimizerEnabledGuard executor(callable.optimise);
  return callable.run(std::move(arguments));
}

class TorchModel : public Model {
 public:
  explicit TorchModel(Callable callable) : callable_(std::move(callable)) {}

  Result<Answer> call(const std::vector<InputValues>& inputs, Gradients gradients) override {
    return guarded([&] { return timed(arguments(callable_, inputs, gradients), gradients); });
  }

  Result<std::vector<Duration>> time_calls(const std::vector<InputValues>& inputs,
                                           std::uint64_t count) override {
    return guarded([&]() -> Result<std::vector<Duration>> {
      const std::vector<c10::IValue> ready = arguments(callable_, inputs, Gradients::off);
      std::vector<Duration> calls;
      for (std::uint64_t i = 0; i < count; ++i) {
        const auto answer = timed(ready, Gradients::off);
        if (!answer) {
          return std::unexpected(answer.error());
        }
        calls.push_back(answer->took);
      }
      return calls;
    });
  }

  std::uint64_t calls() const override { return calls_; }

 private:
  // Until the outputs are in host memory, which on an accelerator is when they exist.
  Result<Answer> timed(std::vector<c10::IValue> ready, Gradients gradients) {
    const Duration started = steady_now();
    const c10::IValue returned = run(callable_, std::move(ready), gradients);
    auto outputs = output_values(returned);
    const Duration took = steady_now() - started;
    ++calls_;
    if (!outputs) {
      return std::unexpected(outputs.error());
    }
    return Answer{.took = took, .outputs = std::move(*outputs)};
  }

  Callable callable_;
  std::uint64_t calls_ = 0;
};

}  // namespace

Callable::Passing passing_of(const c10::FunctionSchema& schema, std::size_t first) {
  const auto& arguments = schema.arguments();
  if (arguments.size() != first + 1) {
    return Callable::Passing::each;
  }
  const auto& type = arguments[first].type();
  if (type->isSubtypeOf(*c10::DictType::create(c10::StringType::get(), c10::TensorType::get()))) {
    return Callable::Passing::dict;
  }
  return type->isSubtypeOf(*c10::ListType::ofTensors()) ? Callable::Passing::list : Callable::Passing::each;
}

std::unique_ptr<Model> make_model(Callable callable) {
  return std::make_unique<TorchModel>(std::move(callable));
}

}  // namespace runup
