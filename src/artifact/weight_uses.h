// SPDX-License-Identifier: Apache-2.0
#pragma once

// What reads the tensors of a conversion: nodes of an ONNX graph, or calls in TorchScript code.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "artifact/weight_pool.h"

namespace runup::artifact {

struct WeightUse {
  // ONNX's operator, or libtorch's function without its namespace: `linear`
  std::string op;
  std::uint32_t input = 0;
  // the node's name in ONNX
  std::string node;
  // a Linear's matrix must lie as in PyTorch ([out, in]: false), or transposed (true)
  std::optional<bool> transposed;
};

// Candidates that one call reads, in the order of its arguments.
struct WeightCall {
  std::string op;
  std::vector<std::size_t> candidates;
};

struct WeightUses {
  // by candidate; the first use of each
  std::vector<std::optional<WeightUse>> uses;
  std::vector<WeightCall> calls;
};

WeightUses find_uses(const WeightSource& source, const WeightPool& pool);

// The calls in TorchScript source that read `CONSTANTS.cN`: numbers of constants by argument.
struct ScriptCall {
  std::string function;
  // constant, and which argument it is
  std::vector<std::pair<std::uint64_t, std::uint32_t>> constants;
};
std::vector<ScriptCall> script_calls(std::string_view code);

}  // namespace runup::artifact
