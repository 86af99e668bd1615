// SPDX-License-Identifier: Apache-2.0
#include "config/key_path.h"

namespace runup {

namespace {

// Where the last `.` or `[` outside quotes is; npos when there is none. `dots_only` skips indexes.
std::size_t last_joint(std::string_view path, bool dots_only) {
  std::size_t found = std::string_view::npos;
  bool quoted = false;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '"') {
      quoted = !quoted;
    } else if (!quoted && (path[i] == '.' || (path[i] == '[' && !dots_only))) {
      found = i;
    }
  }
  return found;
}

}  // namespace

std::string_view last_part(std::string_view path) {
  const std::size_t joint = last_joint(path, true);
  return joint == std::string_view::npos ? path : path.substr(joint + 1);
}

std::string_view parent_path(std::string_view path) {
  const std::size_t joint = last_joint(path, false);
  return joint == std::string_view::npos ? std::string_view{} : path.substr(0, joint);
}

}  // namespace runup
