// SPDX-License-Identifier: Apache-2.0
#pragma once

// Writes what comes out of an archive below one folder. A link is never followed: folders are opened part by part,
// a file that is there is removed before another is written in its place, and symbolic links are made last.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "probes/archive/entry.h"
#include "probes/archive/entry_path.h"

namespace runup {

class FolderWriter {
 public:
  // At least `reserve` bytes stay free on the disk; at most `most_folders` are made.
  static Result<FolderWriter> open(const std::string& folder, std::uint64_t reserve,
                                   std::uint64_t most_folders);

  // ErrorCode::system when `what` of so many bytes does not fit on the disk.
  Result<void> require_room(std::string_view what, std::uint64_t bytes) const;

  // Errors of these: bad_input when the archive has something else at this place, limit when it wants more than can
  // be, system when the host is in the way. `path` has no link on its way. True when it replaced something.
  Result<bool> folder(const EntryPath& path, const ArchiveEntry& entry);
  Result<bool> file(const EntryPath& path, const ArchiveEntry& entry, EntryReader& content);
  Result<bool> hard_link(const EntryPath& path, const EntryPath& target);
  // Makes room for a symbolic link.
  Result<bool> remove(const EntryPath& path);

  // The links, then the permissions and times of all folders. No other call may follow.
  Result<void> finish(const std::map<std::string, std::string>& links);

  bool is_folder(const EntryPath& path) const;
  // Links followed: call after finish() only.
  bool exists(const std::string& path) const;

 private:
  struct Look {
    std::uint32_t mode = 0755;
    std::int64_t modified_ns = 0;
    bool known = false;
  };

  FolderWriter(FileDescriptor root, std::uint64_t reserve, std::uint64_t most_folders)
      : root_(std::move(root)), reserve_(reserve), most_folders_(most_folders) {}

  // The folder, made if need be; `path` is in messages.
  Result<FileDescriptor> enter(const EntryPath& folder);
  Result<FileDescriptor> enter_parent(const EntryPath& path);
  Result<bool> remove_at(const FileDescriptor& parent, const EntryPath& path) const;

  FileDescriptor root_;
  std::uint64_t reserve_;
  std::uint64_t most_folders_;
  std::map<std::string, Look> folders_;
};

}  // namespace runup
