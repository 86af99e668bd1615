// SPDX-License-Identifier: Apache-2.0
#include "base/scratch_folder.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

namespace runup {

namespace {

namespace fs = std::filesystem;

// What was unpacked may have folders that nobody may write to, and only in such ones can nothing be removed.
void open_folders(const fs::path& path) {
  std::error_code ignored;
  fs::permissions(path, fs::perms::owner_all, fs::perm_options::add | fs::perm_options::nofollow, ignored);
  for (fs::directory_iterator entry(path, ignored), end; !ignored && entry != end; entry.increment(ignored)) {
    std::error_code unknown;
    if (entry->symlink_status(unknown).type() == fs::file_type::directory) {
      open_folders(entry->path());
    }
  }
}

}  // namespace

Result<ScratchFolder> ScratchFolder::make(const std::string& name, const std::string& parent) {
  std::error_code error;
  fs::path folder = parent;
  if (parent.empty()) {
    folder = fs::temp_directory_path(error);
    folder = error ? fs::path("/tmp") : fs::canonical(folder, error);
  }
  std::string path = (folder / (name + ".XXXXXX")).string();
  if (::mkdtemp(path.data()) == nullptr) {
    return std::unexpected(system_error("cannot make a folder in `" + folder.string() + "`", errno));
  }
  return ScratchFolder(std::move(path));
}

ScratchFolder::ScratchFolder(ScratchFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}

ScratchFolder& ScratchFolder::operator=(ScratchFolder&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}

ScratchFolder::~ScratchFolder() {
  if (!path_.empty()) {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
    if (ignored) {
      open_folders(path_);
      fs::remove_all(path_, ignored);
    }
  }
}

}  // namespace runup
