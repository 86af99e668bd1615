// SPDX-License-Identifier: Apache-2.0
#pragma once

// Values between runup and ONNX Runtime. Includes its headers: for this folder's sources only.

#include <string>
#include <vector>

#include <onnxruntime_cxx_api.h>

#include "probes/runtime/model.h"

namespace runup {

// PyTorch's name; of types that PyTorch has not, ONNX's (`string`, `uint4`).
std::string dtype_of(ONNXTensorElementDataType type);

// A tensor over the bytes of `input`, which must outlive it.
Result<Ort::Value> input_tensor(const InputValues& input);

// The tensors of one output: a sequence gives `name[0]`, `name[1]`, ...; a map `name.keys` and
// `name.values`. Texts have a shape and a checksum, no numbers.
Result<void> add_output(const std::string& name, Ort::Value value, std::vector<HeldOutput>& outputs);

}  // namespace runup
