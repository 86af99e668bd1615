// SPDX-License-Identifier: Apache-2.0
#pragma once

// ONNX models: one protobuf message, ModelProto of onnx.proto3. The tensors' bytes are not touched.

#include "artifact/defects.h"
#include "base/bytes.h"

namespace runup::artifact {

// Of a file that sniff_protobuf() calls ONNX; `facts` and `defects` hold what that has found.
void read_onnx(Bytes file, ArtifactFacts& facts, Defects& defects);

}  // namespace runup::artifact
