// SPDX-License-Identifier: Apache-2.0
#include "facts/declaration.h"

#include <optional>

namespace runup {

Json encode_custom(const Dimension& dimension) {
  return dimension.axis.empty() ? Json(dimension.size) : Json(encode_text(dimension.axis));
}

Result<void> decode_custom(const Json& json, Dimension& out) {
  out = {};
  if (json.is_string()) {
    return decode_into(json, out.axis);
  }
  return decode_into(json, out.size);
}

TypeInfo CustomType<Dimension>::make() {
  TypeInfo size{.kind = TypeKind::integer};
  size.rule.min = 1;
  size.rule.max = 1e9;
  TypeInfo axis{.kind = TypeKind::text};
  axis.rule.min = 1;
  TypeInfo either{.kind = TypeKind::any};
  either.any_of = {size, axis};
  return either;
}

namespace {

std::optional<std::string> moved(const std::string& path, const std::string& from, const std::string& to) {
  if (path == from || path.starts_with(from + "/")) {
    return to + path.substr(from.size());
  }
  return std::nullopt;
}

}  // namespace

std::string path_on_server(const std::vector<MountDeclaration>& folders, const std::string& path) {
  for (const MountDeclaration& folder : folders) {
    if (const auto there = moved(path, folder.from, folder.at)) {
      return *there;
    }
  }
  return path;
}

std::string path_here(const std::vector<MountDeclaration>& folders, const std::string& path) {
  for (const MountDeclaration& folder : folders) {
    if (const auto here = moved(path, folder.at, folder.from)) {
      return *here;
    }
  }
  return path;
}

std::vector<MountDeclaration> placed_folders(const TargetDeclaration& target) {
  std::vector<MountDeclaration> folders;
  for (const MountDeclaration& mount : target.mounts) {
    if (mount.at != mount.from) {
      folders.push_back(mount);
    }
  }
  // Last, since a mount may lie in it.
  if (!target.installed_at.empty() && target.installed_at != target.package) {
    folders.push_back({.at = target.installed_at, .from = target.package});
  }
  return folders;
}

}  // namespace runup
