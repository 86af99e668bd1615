// SPDX-License-Identifier: Apache-2.0
#pragma once

// Small things that the readers of this folder share.

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "facts/package_files.h"

namespace runup {

// The lines of the first `max_bytes` of `text`, without their ends (`\n` or `\r\n`); a line that is cut
// there is left out.
std::vector<std::string_view> lines_of(std::string_view text, std::size_t max_bytes);

FileProblem too_long(std::string_view file, std::size_t bytes, std::size_t max_bytes);

// The shortest path of the same meaning by its letters alone, as Go's path.Clean: `a/./b/../c/` is
// `a/c`, nothing is `.`.
std::string clean_path(std::string_view path);

std::string lower(std::string_view text);

// How many characters at the start of `text` are of that kind.
template <class Predicate>
std::size_t length_of_start(std::string_view text, Predicate is_kind) {
  return static_cast<std::size_t>(std::ranges::find_if_not(text, is_kind) - text.begin());
}

// Text of a file in UTF-8 whatever its byte order mark says; PowerShell writes UTF-16. Without the mark.
std::string to_utf8(std::string_view bytes);

}  // namespace runup
