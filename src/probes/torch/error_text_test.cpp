// SPDX-License-Identifier: Apache-2.0
// The messages are what libtorch 2.6 really says.

#include "probes/torch/error_text.h"

#include <catch2/catch_test_macros.hpp>

using namespace runup;

TEST_CASE("a TorchScript traceback becomes its message and the innermost line of the source") {
  CHECK(first_words("The following operation failed in the TorchScript interpreter.\n"
                    "Traceback of TorchScript (most recent call last):\n"
                    "  File \"<string>\", line 5, in forward\n"
                    "\n"
                    "def forward(state_dict: Dict[str, Tensor], x: Tensor) -> Tensor:\n"
                    "    return helper(x, state_dict[\"fc.weight\"]) + state_dict[\"fc.bias\"]\n"
                    "           ~~~~~~ <--- HERE\n"
                    "  File \"<string>\", line 2, in helper\n"
                    "def helper(x: Tensor, w: Tensor) -> Tensor:\n"
                    "    return torch.mm(x, w)\n"
                    "           ~~~~~~~~ <--- HERE\n"
                    "\n"
                    "def forward(state_dict: Dict[str, Tensor], x: Tensor) -> Tensor:\n"
                    "RuntimeError: mat1 and mat2 shapes cannot be multiplied (1x3 and 2x3)\n") ==
        "mat1 and mat2 shapes cannot be multiplied (1x3 and 2x3), in `return torch.mm(x, w)` (line 2)");
}

TEST_CASE("what this libtorch lacks is told from what is wrong with the model, and without advice") {
  const std::string_view unknown =
      "\nUnknown builtin op: torchvision::nms.\nCould not find any similar ops to torchvision::nms. This op "
      "may "
      "not exist or may not be currently supported in TorchScript.\n:\n"
      "  File \"code/__torch__.py\", line 8\n"
      "    x: Tensor) -> Tensor:\n"
      "    return ops.torchvision.nms(x)\n"
      "           ~~~~~~~~~~~~~~~~~~~ <--- HERE\n";
  CHECK(is_lack_of_runtime(unknown));
  CHECK(
      first_words(unknown) ==
      "Unknown builtin op: torchvision::nms, in `return ops.torchvision.nms(x)` (code/__torch__.py line 8)");
  const std::string_view newer =
      "[enforce fail at inline_container.cc:226] . Attempted to read a PyTorch file with version 11, but the "
      "maximum supported version for reading is 10. The version of your PyTorch installation may be too old, "
      "please upgrade PyTorch to latest version to mitigate this issue.";
  CHECK(is_lack_of_runtime(newer));
  CHECK(first_words(newer) ==
        "Attempted to read a PyTorch file with version 11, but the maximum supported version for reading is "
        "10");
  CHECK_FALSE(is_lack_of_runtime("mat1 and mat2 shapes cannot be multiplied (1x3 and 2x3)"));
  CHECK(first_words("Could not run 'aten::empty.memory_format' with arguments from the 'CUDA' backend. This "
                    "could be because the operator doesn't exist for this backend, or was omitted.") ==
        "Could not run 'aten::empty.memory_format' with arguments from the 'CUDA' backend");
}

TEST_CASE("the code of an archive is named with its file") {
  CHECK(first_words("The following operation failed in the TorchScript interpreter.\n"
                    "Traceback of TorchScript, serialized code (most recent call last):\n"
                    "  File \"code/__torch__/torch/nn/modules/linear.py\", line 14, in forward\n"
                    "    bias = self.bias\n"
                    "    return torch.linear(input, weight, bias)\n"
                    "           ~~~~~~~~~~~~ <--- HERE\n"
                    "\n"
                    "Traceback of TorchScript, original code (most recent call last):\n"
                    "  File \"net.py\", line 9, in forward\n"
                    "        return self.fc(x)\n"
                    "               ~~~~~~~ <--- HERE\n"
                    "RuntimeError: mat1 and mat2 shapes cannot be multiplied (1x4 and 3x2)\n") ==
        "mat1 and mat2 shapes cannot be multiplied (1x4 and 3x2), in `return self.fc(x)` (net.py line 9)");
}

TEST_CASE("a message of several lines keeps them, and other exceptions lose their name too") {
  CHECK(first_words("The following operation failed in the TorchScript interpreter.\n"
                    "Traceback of TorchScript (most recent call last):\n"
                    "  File \"<string>\", line 2, in forward\n"
                    "    raise Exception(\"no\")\n"
                    "    ~~~~~~~~~~~~~~~~~~~~~ <--- HERE\n"
                    "torch.jit.Error: first: of two\nsecond\n") ==
        "first: of two second, in `raise Exception(\"no\")` (line 2)");
}

TEST_CASE("what does not compile is named with its line, without suggestions") {
  CHECK(
      first_words("\nUnknown builtin op: aten::foo.\nHere are some suggestions: \n\taten::pop\n\taten::cov\n"
                  "\nThe original call is:\n  File \"<string>\", line 2\n"
                  "def forward(state_dict: Dict[str, Tensor], x: Tensor) -> Tensor:\n"
                  "    return torch.foo(x)\n           ~~~~~~~~~ <--- HERE\n") ==
      "Unknown builtin op: aten::foo, in `return torch.foo(x)` (line 2)");
  CHECK(first_words("\nundefined value y:\n  File \"<string>\", line 2\n"
                    "def forward(state_dict: Dict[str, Tensor], x: Tensor) -> Tensor:\n"
                    "    return y\n           ~ <--- HERE\n") == "undefined value y, in `return y` (line 2)");
  CHECK(first_words("expected ident but found 'newline' here:\n  File \"<string>\", line 3\n"
                    "    return x +\n\n") == "expected ident but found 'newline' (line 3)");
}

TEST_CASE("C++ frames are left out") {
  CHECK(first_words(
            "PytorchStreamReader failed reading file data.pkl: file read failed\n"
            "Exception raised from valid at ./caffe2/serialize/inline_container.cc:176 (most recent call "
            "first):\nframe #0: c10::Error::Error(...)\nframe #1: <unknown function>\n") ==
        "PytorchStreamReader failed reading file data.pkl: file read failed");
}

TEST_CASE("plain messages stay, long ones are cut, and there is always something") {
  CHECK(
      first_words("forward() is missing value for argument 'y'. Declaration: forward(Tensor y) -> Tensor") ==
      "forward() is missing value for argument 'y'. Declaration: forward(Tensor y) -> Tensor");
  CHECK(first_words(std::string(5000, 'x')).size() < 1100);
  CHECK(first_words("") == "an error without words");
  CHECK(first_words("Traceback of TorchScript") == "Traceback of TorchScript");
}

TEST_CASE("every cut of a real message gives words") {
  const std::string message =
      "The following operation failed in the TorchScript interpreter.\nTraceback of TorchScript (most recent "
      "call "
      "last):\n  File \"<string>\", line 2, in helper\n    return torch.mm(x, w)\n           ~~~~~~~~ <--- "
      "HERE\nRuntimeError: mat1\n";
  for (std::size_t size = 0; size <= message.size(); ++size) {
    CHECK(!first_words(std::string_view(message).substr(0, size)).empty());
  }
}

TEST_CASE("a missing key") {
  CHECK(missing_key("KeyError: fc.weight20, in `x = x + state_dict[k + str(i)]` (line 4)") == "fc.weight20");
  CHECK(missing_key("KeyError: fc.weight") == "fc.weight");
  CHECK(missing_key("mat1 and mat2").empty());
}
