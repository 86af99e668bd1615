// SPDX-License-Identifier: Apache-2.0
#include "probes/archive/folder_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <format>
#include <ranges>
#include <utility>

#include "base/duration.h"
#include "base/text.h"

namespace runup {

namespace {

constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr std::uint32_t kPermissions = 0777;

std::string quoted_path(const EntryPath& path) { return std::format("`{}`", printable(text_of(path))); }

std::unexpected<Error> failed(const EntryPath& path, int error) {
  switch (error) {
    case ENAMETOOLONG:
      return fail(ErrorCode::limit, std::format("the name of {} is too long", quoted_path(path)));
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
    case EEXIST:
    case ENOTEMPTY:
      return fail(
          ErrorCode::bad_input,
          std::format("{} is, or lies in, what the archive has as something else too", quoted_path(path)));
    case ENOSPC:
    case EDQUOT:
      return fail(ErrorCode::system,
                  "the disk with the temporary files is full; set TMPDIR to a folder on a larger one");
    default:
      return std::unexpected(system_error(std::format("cannot write {}", quoted_path(path)), error));
  }
}

std::array<timespec, 2> times_of(std::int64_t modified_ns) {
  std::int64_t seconds = modified_ns / kNanoseconds;
  std::int64_t rest = modified_ns % kNanoseconds;
  if (rest < 0) {
    rest += kNanoseconds;
    --seconds;
  }
  return {timespec{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, timespec{.tv_sec = seconds, .tv_nsec = rest}};
}

Result<void> write_at(int fd, std::uint64_t offset, Bytes bytes, const EntryPath& path) {
  // A hole reads as zeros.
  if (is_zero(bytes)) {
    return {};
  }
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) {
      continue;
    }
    if (put <= 0) {
      return failed(path, put < 0 ? errno : ENOSPC);
    }
    offset += static_cast<std::uint64_t>(put);
    bytes = bytes.subspan(static_cast<std::size_t>(put));
  }
  return {};
}

}  // namespace

Result<FolderWriter> FolderWriter::open(const std::string& folder, std::uint64_t reserve,
                                        std::uint64_t most_folders) {
  FileDescriptor root(::open(folder.c_str(), kFolderFlags));
  if (!root) {
    return std::unexpected(system_error("cannot open the folder to unpack into", errno));
  }
  return FolderWriter(std::move(root), reserve, most_folders);
}

Result<FileDescriptor> FolderWriter::enter(const EntryPath& folder) {
  FileDescriptor at(::openat(root_.get(), ".", kFolderFlags));
  std::string text;
  for (const std::string& part : folder) {
    text += (text.empty() ? "" : "/") + part;
    FileDescriptor below(::openat(at.get(), part.c_str(), kFolderFlags));
    if (!below && errno == ENOENT) {
      if (folders_.size() >= most_folders_) {
        return fail(ErrorCode::limit, std::format("more than {} folders", most_folders_));
      }
      if (::mkdirat(at.get(), part.c_str(), 0700) != 0) {
        return failed(folder, errno);
      }
      folders_[text];
      below = FileDescriptor(::openat(at.get(), part.c_str(), kFolderFlags));
    }
    if (!below) {
      return failed(folder, errno);
    }
    at = std::move(below);
  }
  if (!at) {
    return failed(folder, errno);
  }
  return at;
}

Result<FileDescriptor> FolderWriter::enter_parent(const EntryPath& path) {
  if (path.empty()) {
    return fail(ErrorCode::bad_input, "an entry that is no folder has the name of the archive's root");
  }
  return enter(EntryPath(path.begin(), path.end() - 1));
}

Result<void> FolderWriter::require_room(std::string_view what, std::uint64_t bytes) const {
  struct statvfs disk{};
  if (::fstatvfs(root_.get(), &disk) != 0) {
    return {};
  }
  const std::uint64_t free = disk.f_bavail * disk.f_frsize;
  if (bytes <= free && free - bytes >= reserve_) {
    return {};
  }
  return fail(
      ErrorCode::system,
      std::format("the disk with the temporary files has {} free, of which {} stay free; {} needs {}; set "
                  "TMPDIR to a folder on a larger one",
                  format_bytes(free), format_bytes(reserve_), what, format_bytes(bytes)));
}

Result<bool> FolderWriter::folder(const EntryPath& path, const ArchiveEntry& entry) {
  if (path.empty()) {
    return false;
  }
  if (auto made = enter(path); !made) {
    return std::unexpected(made.error());
  }
  // Twice the same folder is no conflict: packers do that when they are given one twice.
  folders_[text_of(path)] = {
      .mode = entry.mode & kPermissions, .modified_ns = entry.modified_ns, .known = true};
  return false;
}

Result<bool> FolderWriter::remove_at(const FileDescriptor& parent, const EntryPath& path) const {
  if (::unlinkat(parent.get(), path.back().c_str(), 0) == 0) {
    return true;
  }
  return errno == ENOENT ? Result<bool>(false) : failed(path, errno);
}

Result<bool> FolderWriter::remove(const EntryPath& path) {
  const auto parent = enter_parent(path);
  return parent ? remove_at(*parent, path) : std::unexpected(parent.error());
}

Result<bool> FolderWriter::file(const EntryPath& path, const ArchiveEntry& entry, EntryReader& content) {
  if (auto room = require_room(quoted_path(path), entry.bytes); !room) {
    return std::unexpected(room.error());
  }
  const auto parent = enter_parent(path);
  if (!parent) {
    return std::unexpected(parent.error());
  }
  const auto replaced = remove_at(*parent, path);
  if (!replaced) {
    return replaced;
  }
  const FileDescriptor file(::openat(parent->get(), path.back().c_str(),
                                     O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) {
    return failed(path, errno);
  }
  if (auto written = content.read(
          [&](std::uint64_t offset, Bytes bytes) { return write_at(file.get(), offset, bytes, path); });
      !written) {
    return std::unexpected(written.error());
  }
  if (::ftruncate(file.get(), static_cast<off_t>(entry.bytes)) != 0 ||
      ::fchmod(file.get(), entry.mode & kPermissions) != 0) {
    return failed(path, errno);
  }
  // A time that the file system does not know is no reason to stop.
  static_cast<void>(::futimens(file.get(), times_of(entry.modified_ns).data()));
  return replaced;
}

Result<bool> FolderWriter::hard_link(const EntryPath& path, const EntryPath& target) {
  const auto from = enter_parent(target);
  const auto to = enter_parent(path);
  if (!from || !to) {
    return std::unexpected(from ? to.error() : from.error());
  }
  struct stat status{};
  if (::fstatat(from->get(), target.back().c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
      !S_ISREG(status.st_mode)) {
    return fail(ErrorCode::bad_input,
                std::format("{} is a hard link to {}, and no file of this name is before it",
                            quoted_path(path), quoted_path(target)));
  }
  if (path == target) {
    return false;
  }
  const auto replaced = remove_at(*to, path);
  if (!replaced) {
    return replaced;
  }
  return ::linkat(from->get(), target.back().c_str(), to->get(), path.back().c_str(), 0) == 0
             ? replaced
             : failed(path, errno);
}

Result<void> FolderWriter::finish(const std::map<std::string, std::string>& links) {
  for (const auto& [name, target] : links) {
    const EntryPath path = split(name, '/');
    const auto parent = enter_parent(path);
    if (!parent) {
      return std::unexpected(parent.error());
    }
    if (::symlinkat(target.c_str(), parent->get(), path.back().c_str()) != 0) {
      return failed(path, errno);
    }
  }
  // Folders inside others first: their parents may then be closed to us.
  for (const auto& [name, look] : folders_ | std::views::reverse) {
    const EntryPath path = split(name, '/');
    const auto folder = enter(path);
    if (!folder) {
      return std::unexpected(folder.error());
    }
    if (::fchmod(folder->get(), look.mode) != 0) {
      return failed(path, errno);
    }
    if (look.known) {
      static_cast<void>(::futimens(folder->get(), times_of(look.modified_ns).data()));
    }
  }
  return {};
}

bool FolderWriter::is_folder(const EntryPath& path) const { return folders_.contains(text_of(path)); }

bool FolderWriter::exists(const std::string& path) const {
  return ::faccessat(root_.get(), path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

}  // namespace runup
