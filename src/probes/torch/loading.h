// SPDX-License-Identifier: Apache-2.0
#pragma once

// A model in libtorch, loaded from its file and called. Free of libtorch's headers.

#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "facts/declaration.h"
#include "facts/runtime.h"
#include "probes/runtime/inputs.h"
#include "probes/runtime/outputs.h"

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

// Errors are libtorch's own words, or ours when a value fits no input or output.
class Model {
 public:
  virtual ~Model() = default;
  virtual Result<Answer> call(const std::vector<InputValues>& inputs) = 0;
  // `count` calls with the same inputs, in order.
  virtual Result<std::vector<Duration>> time_calls(const std::vector<InputValues>& inputs,
                                                   std::uint64_t count) = 0;
  // how many calls there were
  virtual std::uint64_t calls() const = 0;
};

struct Loaded {
  WitnessFacts witness;
  LoadFacts load;
  // set exactly when `load.stage` is done
  std::unique_ptr<Model> model;
  // the answer of the trial, when there was one
  std::optional<Answer> trial;
};

// Loads by one of three ways, chosen by content: a TorchScript archive; a state_dict called through
// TorchScript source; a TorchScript archive whose parameters and buffers the state_dict fills.
// `file` is a private, writable mapping that outlives the model.
//
// Keys are matched strictly, see key_match.h. For source, the names that it indexes are known from its
// compiled graph; with `trial` one inference, the experiment that it points to, then tells which tensors
// reach an operator, and what is wrong with their shapes. Its time is not part of `load.took`.
//
// Nobody calls eval(): an archive runs in the mode that it was saved in. TorchScript's optimising
// executor is on for an archive, as in a service that loads it, and off for a state_dict, whose
// service runs the module eagerly.
Loaded load_model(const ModelDeclaration& declaration, Bytes file, const Experiment* trial);

}  // namespace runup
