// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "facts/package.h"

namespace runup {

// Below the root of what is unpacked; empty for the root itself.
using EntryPath = std::vector<std::string>;

std::string text_of(const EntryPath& path);

// The parts of an entry's name, without `.` and empty ones; or what is wrong with it: it is absolute, has a `..`,
// is longer than `longest`, deeper than `depth`.
std::expected<EntryPath, ArchiveDefectFacts> entry_path(const std::string& name, std::size_t longest,
                                                        std::size_t depth);

// The symbolic links of an archive. None is on the disk while files are written, so that no file is written through
// one; names below them are resolved here.
class LinkTable {
 public:
  void set(const EntryPath& path, std::string target) { targets_[text_of(path)] = std::move(target); }
  bool erase(const EntryPath& path) { return !targets_.empty() && targets_.erase(text_of(path)) > 0; }
  const std::map<std::string, std::string>& all() const { return targets_; }

  // `path` with the links on its way followed, its last part excepted. Nothing when one leads out of the root, or
  // when they lead in a circle.
  std::optional<EntryPath> resolve(const EntryPath& path) const;
  // Where the link at `path` leads to; nothing as above.
  std::optional<EntryPath> destination(const EntryPath& path, std::string_view target) const;

 private:
  std::optional<EntryPath> follow(const EntryPath& start, EntryPath todo, bool last) const;

  std::map<std::string, std::string> targets_;
};

}  // namespace runup
