// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace runup {

// What a person needs of an ONNX Runtime message, on one line, at most 1 KiB: without the places in its
// source, without the file's path, with the node that failed last: "The input tensor cannot be reshaped to
// the requested shape. Input shape:{2,6}, requested shape:{1,6}, in `Reshape` node `/Reshape_1`".
std::string first_words_of_ort(std::string_view message);

// Whether the message says that this ONNX Runtime lacks something which another release or build, or a
// process that has registered more, may have: an operator or its implementation, an opset, an IR version, a
// custom library.
bool is_lack_of_ort(std::string_view message);

}  // namespace runup
