// SPDX-License-Identifier: Apache-2.0
#pragma once

// Key paths such as `models.sign.inputs[0].name`: how messages, origins, facts and `--set` name a
// value of the config. A key that holds one of `. [ ] "` or blanks is written in double quotes.

#include <cstddef>
#include <string>
#include <string_view>

namespace runup {

std::string child_path(std::string_view parent, std::string_view key);
std::string item_path(std::string_view parent, std::size_t index);

}  // namespace runup
