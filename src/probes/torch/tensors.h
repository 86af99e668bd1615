// SPDX-License-Identifier: Apache-2.0
#pragma once

// Between our values and libtorch's. Includes libtorch's headers: for this folder's sources only.

#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>

#include "artifact/reader.h"
#include "facts/artifact.h"
#include "probes/runtime/inputs.h"
#include "probes/torch/loading.h"

namespace runup {

struct NamedTensor {
  std::string key;
  at::Tensor tensor;
};

// The tensors of one state_dict, in file order, on the CPU. Strided tensors look into the mapped
// `file`, which must outlive them and be writable (a private mapping); what is deflated or stands at
// an address that its type does not allow is copied, and so are quantised tensors. Errors: sparse and
// meta tensors, big-endian files, types that libtorch lacks, views that reach out of their storage.
// Throws what libtorch throws.
Result<std::vector<NamedTensor>> state_dict_tensors(Bytes file, const ArtifactFacts& artifact,
                                                    const StateDictFacts& state_dict);

// The inputs on `device`; on the CPU they look into `inputs`, which must outlive them.
std::vector<at::Tensor> input_tensors(const std::vector<InputValues>& inputs, c10::Device device);

// Every tensor and number of what a model returned, in row-major order on the CPU. Items of tuples and
// lists are named `output[0]`, those of dicts and named tuples by their key, nested ones by both:
// `hidden[1]`, `losses.total`. Text and None are left out; an error when nothing is left, or more than
// 1000 tensors are.
Result<std::vector<HeldOutput>> output_values(const c10::IValue& returned);

}  // namespace runup
