// SPDX-License-Identifier: Apache-2.0
#include "facts/external_data.h"

#include <vector>

#include "base/text.h"

namespace runup {

std::optional<std::string> external_data_path(std::string_view model, std::string_view location) {
  if (location.empty() || location.starts_with('/') || location.contains('\0')) {
    return std::nullopt;
  }
  std::vector<std::string> parts;
  for (std::string& part : split(location, '/')) {
    if (part.empty() || part == ".") {
      continue;
    }
    if (part != "..") {
      parts.push_back(std::move(part));
    } else if (parts.empty()) {
      return std::nullopt;
    } else {
      parts.pop_back();
    }
  }
  if (parts.empty()) {
    return std::nullopt;
  }
  const std::size_t slash = model.rfind('/');
  const std::string_view folder = slash == std::string_view::npos ? "." : model.substr(0, slash);
  return std::string(folder) + "/" + join(parts, "/");
}

}  // namespace runup
