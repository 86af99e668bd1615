// SPDX-License-Identifier: Apache-2.0
#pragma once

// Key paths such as `models.sign.inputs[0].name`: how messages, origins and `--set` name a value of
// the config. A key that holds one of `. [ ] "` or blanks is written in double quotes.

#include <cstddef>
#include <string>
#include <string_view>

namespace runup {

std::string child_path(std::string_view parent, std::string_view key);
std::string item_path(std::string_view parent, std::size_t index);

// The part that a message names when the place already says which of many it is: `name` of
// `models.sign.inputs[0].name`, `shape[1]` of `models.sign.inputs[0].shape[1]`.
std::string_view last_part(std::string_view path);

// `models.sign` of `models.sign.path`, `shape` of `shape[1]`; empty at the top.
std::string_view parent_path(std::string_view path);

}  // namespace runup
