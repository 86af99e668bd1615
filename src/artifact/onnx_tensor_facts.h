// SPDX-License-Identifier: Apache-2.0
#pragma once

// What becomes of a TensorProto in the facts.
//
// The storage has an offset where its bytes lie in this file as they are in memory: in `raw_data`, or in one
// piece of packed `float_data` or `double_data`. Elements of fewer than eight bits share bytes; such a tensor
// has the layout `packed`. Texts have no storage.

#include <string>

#include "artifact/onnx_tensor.h"

namespace runup::artifact {

// Puts the tensor under `path` among the facts, with its storage, the other file that holds its bytes, and
// what is wrong with it.
void add_onnx_tensor(OnnxReading& reading, const OnnxTensor& tensor, const std::string& path);

// The same for a SparseTensorProto, whose name is that of its values.
struct OnnxSparseTensor {
  OnnxTensor values;
  OnnxTensor indices;
  std::vector<std::int64_t> dims;
};
OnnxSparseTensor read_onnx_sparse_tensor(OnnxReading& reading, std::string_view message,
                                         const std::string& where);
void add_onnx_sparse_tensor(OnnxReading& reading, const OnnxSparseTensor& tensor, const std::string& path);

}  // namespace runup::artifact
