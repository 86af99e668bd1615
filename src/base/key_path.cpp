// SPDX-License-Identifier: Apache-2.0
#include "base/key_path.h"

#include <format>

namespace runup {

std::string child_path(std::string_view parent, std::string_view key) {
  std::string own(key);
  if (key.empty() || key.find_first_of(".[]\" \t\n=") != std::string_view::npos) {
    own = "\"";
    for (const char c : key) {
      // A quote inside a key cannot be addressed; it only has to stay readable.
      own += c == '"' ? '\'' : c;
    }
    own += '"';
  }
  return parent.empty() ? own : std::format("{}.{}", parent, own);
}

std::string item_path(std::string_view parent, std::size_t index) {
  return std::format("{}[{}]", parent, index);
}

}  // namespace runup
