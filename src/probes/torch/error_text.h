// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace runup {

// What a person needs of a libtorch exception's text, at most 1 KiB: the message without C++ frames,
// and for a TorchScript traceback the message followed by the line of the user's source that failed:
// "mat1 and mat2 shapes cannot be multiplied (1x8 and 4x2), in `return torch.mm(x, w)` (line 7)".
std::string first_words(std::string_view message);

// Whether the message says that this libtorch lacks something which another one, or a process that has
// imported more (torchvision's operators), may have: an operator, a custom class, a newer file format, a
// quantised engine.
bool is_lack_of_runtime(std::string_view message);

// The key in a "KeyError: name" of a TorchScript dict; empty when the text has none.
std::string missing_key(std::string_view message);

}  // namespace runup
