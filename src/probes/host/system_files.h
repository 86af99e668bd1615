// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace runup {

// A small file of /proc, /sys or /etc, at most 1 MiB of it; empty when it cannot be read. Unlike files
// on disk these have no size to ask for.
std::string read_system_file(const std::string& path);

// The value of the first line "KEY<blanks><separator><blanks>VALUE", trimmed; empty when there is none.
std::string value_of(std::string_view text, std::string_view key, char separator);

// The unsigned number that `text` is, or starts with when a blank follows.
std::optional<std::uint64_t> leading_number(std::string_view text);

// Names in a folder, sorted; empty when it cannot be read.
std::vector<std::string> names_in(const std::string& folder);

}  // namespace runup
