// SPDX-License-Identifier: Apache-2.0
#include "probes/sandbox/view.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <format>
#include <set>
#include <system_error>
#include <utility>

#include "base/bytes.h"
#include "probes/sandbox/namespaces.h"

namespace runup {

namespace {

namespace fs = std::filesystem;

Result<void> failed(const std::string& what) { return std::unexpected(system_error(what, errno)); }

// A mount namespace of our own.
Result<void> leave_mounts() {
  if (auto left = leave_namespaces(CLONE_NEWNS); !left) {
    return wrap(left.error(), "no mount namespace can be had");
  }
  // What is mounted here shall not be seen outside.
  return ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0
             ? Result<void>{}
             : failed("mounts cannot be kept private");
}

// A file or a folder.
Result<void> bind_path(const std::string& from, const std::string& at) {
  return ::mount(from.c_str(), at.c_str(), nullptr, MS_BIND | MS_REC, nullptr) == 0
             ? Result<void>{}
             : failed(std::format("`{}` cannot be mounted", from));
}

// Shows what `real` has in the folder `shown`, entry by entry; `without` is left out.
Result<void> show_entries(const fs::path& real, const fs::path& shown, const std::string& without) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(real, error)) {
    const fs::path name = entry.path().filename();
    if (name == without) {
      continue;
    }
    const fs::path place = shown / name;
    if (entry.is_symlink(error)) {
      fs::create_symlink(fs::read_symlink(entry.path(), error), place, error);
      continue;
    }
    if (entry.is_directory(error)) {
      fs::create_directory(place, error);
    } else {
      ::close(::open(place.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    }
    // A file system that may not be mounted again is not shown.
    static_cast<void>(bind_path(entry.path(), place));
  }
  return error ? std::unexpected(
                     system_error(std::format("`{}` cannot be listed", real.string()), error.value()))
               : Result<void>{};
}

// A folder in memory over this one, with the same entries but `without`.
Result<void> cover_folder(const fs::path& folder, const std::string& without) {
  const FileDescriptor below(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!below || ::mount("runup", folder.c_str(), "tmpfs", 0, "mode=755") != 0) {
    return failed(std::format("`{}` cannot be covered", folder.string()));
  }
  return show_entries(std::format("/proc/self/fd/{}", below.get()), folder, without);
}

// The new root, in which folders can be made where nothing real is changed by it.
class NewRoot {
 public:
  explicit NewRoot(fs::path root) : root_(std::move(root)), ours_{root_} {}

  // Shows `folder.from` at `folder.at`.
  Result<void> place(const MountDeclaration& folder) {
    if (auto made = make_place(folder.at); !made) {
      return made;
    }
    const fs::path shown = root_ / fs::path(folder.at).relative_path();
    // What is below it from now on is real.
    std::erase_if(
        ours_, [&](const fs::path& path) { return std::ranges::mismatch(shown, path).in1 == shown.end(); });
    return bind_path(folder.from, shown);
  }

 private:
  // Makes the folder be there, showing the one above it anew where that lacks it.
  Result<void> make_place(const fs::path& at) {
    fs::path shown = root_;
    for (const fs::path& part : at.relative_path()) {
      const fs::path parent = shown;
      shown /= part;
      std::error_code error;
      if (fs::is_directory(shown, error)) {
        continue;
      }
      if (!ours_.contains(parent)) {
        if (auto covered = cover_folder(parent, part.string()); !covered) {
          return covered;
        }
        ours_.insert(parent);
      }
      if (::mkdir(shown.c_str(), 0755) != 0) {
        return failed(std::format("`{}` cannot be made", at.string()));
      }
      ours_.insert(shown);
    }
    return {};
  }

  fs::path root_;
  std::set<fs::path> ours_;
};

// The flags of a mount, which a new one over the same folder must keep. statvfs() and mount() have the same numbers for
// all but one.
unsigned long flags_of_mount(const struct statvfs& status) {
  constexpr unsigned long kKept = ST_NOSUID | ST_NODEV | ST_NOEXEC | ST_NOATIME | ST_NODIRATIME;
  constexpr unsigned long kSame = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME;
  static_assert(kKept == kSame);
  unsigned long flags = status.f_flag & kKept;
  if ((status.f_flag & ST_RELATIME) != 0) {
    flags |= MS_RELATIME;
  }
  return flags;
}

Result<void> seal_folder(const std::string& folder, const std::vector<std::string>& writable) {
  struct statvfs status{};
  if (::statvfs(folder.c_str(), &status) != 0) {
    return {};
  }
  if (auto bound = bind_path(folder, folder); !bound) {
    return bound;
  }
  for (const std::string& open : writable) {
    const bool inside = open.starts_with(folder + "/") && ::access(open.c_str(), F_OK) == 0;
    if (auto bound = inside ? bind_path(open, open) : Result<void>{}; !bound) {
      return bound;
    }
  }
  const unsigned long flags = MS_REMOUNT | MS_BIND | MS_RDONLY | flags_of_mount(status);
  return ::mount(nullptr, folder.c_str(), nullptr, flags, nullptr) == 0
             ? Result<void>{}
             : failed(std::format("`{}` cannot be made read-only", folder));
}

Result<void> apply_change(const ViewChange& change) {
  std::error_code error;
  const fs::path real = fs::canonical(change.path, error);
  if (error) {
    return std::unexpected(system_error(std::format("`{}` cannot be found", change.path), error.value()));
  }
  return change.replacement.empty() ? cover_folder(real.parent_path(), real.filename().string())
                                    : bind_path(change.replacement, real);
}

Result<void> enter_new_root(const std::vector<MountDeclaration>& folders, const std::string& scratch) {
  if (::mount("runup", scratch.c_str(), "tmpfs", 0, "mode=755") != 0) {
    return failed("no new root can be made");
  }
  if (auto shown = show_entries("/", scratch, ""); !shown) {
    return shown;
  }
  NewRoot root(scratch);
  // The outer one first, where one lies in another.
  std::vector<MountDeclaration> ordered = folders;
  std::ranges::stable_sort(ordered, {}, [](const MountDeclaration& folder) { return folder.at.size(); });
  for (const MountDeclaration& folder : ordered) {
    if (auto placed = root.place(folder); !placed) {
      return placed;
    }
  }
  if (::chroot(scratch.c_str()) != 0 || ::chdir("/") != 0) {
    return failed("the new root cannot be entered");
  }
  return {};
}

}  // namespace

Result<void> enter_view(const std::vector<MountDeclaration>& folders, const std::string& scratch,
                        const std::vector<ViewChange>& changes, const SealedFolders& sealed) {
  if (folders.empty() && changes.empty() && sealed.folders.empty()) {
    return {};
  }
  if (auto left = leave_mounts(); !left) {
    return left;
  }
  if (!folders.empty()) {
    if (auto entered = enter_new_root(folders, scratch); !entered) {
      return entered;
    }
  }
  for (const std::string& folder : sealed.folders) {
    if (auto shut = seal_folder(folder, sealed.writable); !shut) {
      return shut;
    }
  }
  return change_view(changes);
}

Result<void> change_view(const std::vector<ViewChange>& changes) {
  for (const ViewChange& change : changes) {
    if (auto changed = apply_change(change); !changed) {
      return changed;
    }
  }
  return {};
}

}  // namespace runup
