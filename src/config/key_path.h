// SPDX-License-Identifier: Apache-2.0
#pragma once

// What is said of key paths beyond base/key_path.h.

#include <string_view>

#include "base/key_path.h"

namespace runup {

// The part that a message names when the place already says which of many it is: `name` of
// `models.sign.inputs[0].name`, `shape[1]` of `models.sign.inputs[0].shape[1]`.
std::string_view last_part(std::string_view path);

// `models.sign` of `models.sign.path`, `shape` of `shape[1]`; empty at the top.
std::string_view parent_path(std::string_view path);

}  // namespace runup
