// SPDX-License-Identifier: Apache-2.0
#include "probes/archive/entry_path.h"

#include <algorithm>
#include <format>
#include <ranges>
#include <utility>

#include "base/text.h"

namespace runup {

namespace {

constexpr std::size_t kLongestPart = 255;
// As many as Linux follows.
constexpr int kMostLinks = 40;

EntryPath plain_parts(std::string_view name) {
  EntryPath parts = split(name, '/');
  std::erase_if(parts, [](const std::string& part) { return part.empty() || part == "."; });
  return parts;
}

}  // namespace

std::string text_of(const EntryPath& path) { return join(path, "/"); }

std::expected<EntryPath, ArchiveDefectFacts> entry_path(const std::string& name, std::size_t longest,
                                                        std::size_t depth) {
  const auto wrong = [&](ArchiveDefectKind kind, std::string detail) {
    return std::unexpected(ArchiveDefectFacts{.kind = kind, .entry = name, .detail = std::move(detail)});
  };
  if (name.empty() || name.contains('\0')) {
    return wrong(ArchiveDefectKind::unreadable,
                 name.empty() ? "an entry has no name" : "the name of an entry holds a NUL");
  }
  if (name.starts_with('/')) {
    return wrong(ArchiveDefectKind::escape, "is an absolute name");
  }
  if (name.size() > longest) {
    return wrong(ArchiveDefectKind::too_large,
                 std::format("has a name of {} bytes; at most {} are possible", name.size(), longest));
  }
  EntryPath parts = plain_parts(name);
  if (std::ranges::contains(parts, "..")) {
    return wrong(ArchiveDefectKind::escape, "has a `..` in its name");
  }
  if (parts.size() > depth) {
    return wrong(ArchiveDefectKind::too_large,
                 std::format("lies in {} folders; at most {} are unpacked", parts.size() - 1, depth - 1));
  }
  const auto long_part =
      std::ranges::find_if(parts, [](const std::string& part) { return part.size() > kLongestPart; });
  if (long_part != parts.end()) {
    return wrong(ArchiveDefectKind::too_large,
                 std::format("has a part of {} bytes in its name; at most {} are possible", long_part->size(),
                             kLongestPart));
  }
  return parts;
}

std::optional<EntryPath> LinkTable::resolve(const EntryPath& path) const {
  return targets_.empty() ? std::optional(path) : follow({}, path, false);
}

std::optional<EntryPath> LinkTable::destination(const EntryPath& path, std::string_view target) const {
  if (target.starts_with('/')) {
    return std::nullopt;
  }
  auto folder = follow({}, EntryPath(path.begin(), path.empty() ? path.end() : path.end() - 1), true);
  return folder ? follow(*folder, plain_parts(target), true) : std::nullopt;
}

// `todo` from `start` on; `last`: its last part is followed too.
std::optional<EntryPath> LinkTable::follow(const EntryPath& start, EntryPath todo, bool last) const {
  EntryPath done = start;
  std::string text = text_of(done);
  std::ranges::reverse(todo);
  for (int links = 0; !todo.empty();) {
    const std::string part = std::move(todo.back());
    todo.pop_back();
    const std::size_t before = text.size();
    if (part == "..") {
      if (done.empty()) {
        return std::nullopt;
      }
      text.resize(done.size() == 1 ? 0 : text.size() - done.back().size() - 1);
      done.pop_back();
      continue;
    }
    text += (done.empty() ? "" : "/") + part;
    const auto link = todo.empty() && !last ? targets_.end() : targets_.find(text);
    if (link == targets_.end()) {
      done.push_back(part);
      continue;
    }
    if (++links > kMostLinks || link->second.starts_with('/')) {
      return std::nullopt;
    }
    text.resize(before);
    for (std::string& step : plain_parts(link->second) | std::views::reverse) {
      todo.push_back(std::move(step));
    }
  }
  return done;
}

}  // namespace runup
