// SPDX-License-Identifier: Apache-2.0
#pragma once

// A model in some runtime, loaded from its file and called.

#include <memory>
#include <optional>
#include <vector>

#include "facts/runtime.h"
#include "probes/runtime/inputs.h"
#include "probes/runtime/outputs.h"
#include "probes/runtime/process.h"

namespace runup {

// An output and what keeps its bytes.
struct HeldOutput {
  OutputValues values;
  std::shared_ptr<const void> owner;
};

struct Answer {
  // of the call, from inputs on the device to outputs on the CPU
  Duration took;
  std::vector<HeldOutput> outputs;
};

// Services call a model without recording gradients; training code records them, and layers may take another
// path then. A runtime that knows no gradients answers both alike.
enum class Gradients { off, on };

// Errors are the runtime's own words, or ours when a value fits no input or output.
class Model {
 public:
  virtual ~Model() = default;
  virtual Result<Answer> call(const std::vector<InputValues>& inputs, Gradients gradients) = 0;
  // `count` calls with the same inputs, in order.
  virtual Result<std::vector<Duration>> time_calls(const std::vector<InputValues>& inputs,
                                                   std::uint64_t count) = 0;
  // how many calls there were
  virtual std::uint64_t calls() const = 0;
  // of the process that the model is in
  virtual std::uint64_t peak_memory() const { return peak_resident_bytes(); }
};

struct Loaded {
  WitnessFacts witness;
  LoadFacts load;
  // set exactly when `load.stage` is done
  std::unique_ptr<Model> model;
  // the answer of the trial, when there was one
  std::optional<Answer> trial;
};

}  // namespace runup
