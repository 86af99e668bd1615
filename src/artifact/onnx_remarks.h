// SPDX-License-Identifier: Apache-2.0
#pragma once

// Nodes that deserve a word (OnnxRemarkKind): what is random or learns while it serves, and constants that bake
// the batch size. Rules of onnx/docs/Operators.md and Changelog.md.

#include <string>

#include "artifact/onnx_scope.h"

namespace runup::artifact {

// `opset` is the version of ONNX's own operators that the node's graph or function imports; 0 when it imports
// none. `path` names the node.
void remark_on_onnx_node(OnnxReading& reading, const OnnxNode& node, const OnnxScope& scope,
                         std::int64_t opset, const std::string& path);

}  // namespace runup::artifact
