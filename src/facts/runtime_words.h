// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace runup {

// Whether a runtime's refusal says that memory ran out (PyTorch's allocators, ONNX Runtime's arena, the C++
// library, Python, CUDA): this process's limit, which says nothing of the model.
bool says_out_of_memory(std::string_view words);

}  // namespace runup
