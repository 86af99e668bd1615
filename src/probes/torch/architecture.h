// SPDX-License-Identifier: Apache-2.0
#pragma once

// `architecture:` as TorchScript source. Includes libtorch's headers: for this folder's sources only.

#include <memory>
#include <set>
#include <string>
#include <vector>

#include <torch/csrc/jit/api/compilation_unit.h>

#include "base/result.h"
#include "probes/torch/key_match.h"

namespace runup {

struct CompiledSource {
  std::shared_ptr<torch::jit::CompilationUnit> unit;
  // `forward`; owned by `unit`
  torch::jit::Function* forward = nullptr;
  // the constant names with which the graph indexes the state_dict, in graph order; one that the
  // source also asks for with `in` is optional
  std::vector<WantedKey> keys;
  // those of them that an inference may pass by, because they stand in a branch or loop
  std::set<std::string> conditional;
  // every use of the state_dict is one of these names
  bool keys_are_all = true;
};

// Compiles source with `def forward(state_dict: Dict[str, Tensor], x: Tensor, ...)`. Errors: libtorch's
// words on what does not compile, ours on a `forward` of another form. Throws nothing.
Result<CompiledSource> compile_source(const std::string& text);

}  // namespace runup
