// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "facts/artifact.h"

namespace runup {

using InspectRows = std::vector<std::pair<std::string, std::string>>;

// The graph in short: `nodes` and `opsets`, and what else there is to say of it.
InspectRows onnx_graph_rows(const OnnxFacts& onnx);
// Inputs and outputs: `-> frames` and `float32 [batch, 300, 147]`.
InspectRows onnx_value_rows(const OnnxFacts& onnx);
// Other files with tensors' bytes: the place, and how many tensors and bytes it holds.
InspectRows onnx_external_rows(const OnnxFacts& onnx);
// Remarks of one kind and operator together, by the first node of them.
InspectRows onnx_remark_rows(const OnnxFacts& onnx);

}  // namespace runup
