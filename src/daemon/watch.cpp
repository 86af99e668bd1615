// SPDX-License-Identifier: Apache-2.0
#include "daemon/watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <format>
#include <system_error>

namespace runup {

namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE |
                                  IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
constexpr int kMostLinks = 40;

}  // namespace

FileWatcher::FileWatcher() : inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  if (!inotify_) {
    problem_ = system_error("files are not watched: inotify cannot be used", errno).message;
  }
}

void FileWatcher::watch(const std::map<std::string, std::set<std::string>>& wanted) {
  wanted_ = wanted;
  entries_.clear();
  const std::map<std::string, int> before = std::exchange(watches_, {});
  for (const auto& [path, whom] : wanted_) {
    watch_path(path, whom);
  }
  for (const auto& [folder, watch] : before) {
    if (!watches_.contains(folder) && !entries_.contains(watch)) {
      ::inotify_rm_watch(inotify_.get(), watch);
    }
  }
}

// Each component that is a link or missing, and the last, is an entry of its folder whose change counts.
void FileWatcher::watch_path(const std::string& path, const std::set<std::string>& whom) {
  std::vector<fs::path> left;
  const auto push = [&](const fs::path& more) {
    std::vector<fs::path> parts(more.begin(), more.end());
    left.insert(left.end(), parts.rbegin(), parts.rend());
  };
  push(fs::path(path).relative_path());
  fs::path at = "/";
  for (int links = 0; !left.empty();) {
    const fs::path part = left.back();
    left.pop_back();
    if (part == "..") {
      at = at.parent_path();
      continue;
    }
    if (part.empty() || part == ".") {
      continue;
    }
    std::error_code error;
    const fs::path here = at / part;
    const fs::file_type type = fs::symlink_status(here, error).type();
    const bool is_link = type == fs::file_type::symlink;
    if (is_link || type == fs::file_type::not_found || left.empty()) {
      watch_entry(at.string(), part.string(), whom);
    }
    if (type == fs::file_type::not_found || (is_link && ++links > kMostLinks)) {
      return;
    }
    const fs::path target = is_link ? fs::read_symlink(here, error) : fs::path();
    if (!is_link) {
      at = here;
    } else {
      at = target.is_absolute() ? fs::path("/") : at;
      push(target.relative_path());
    }
  }
}

void FileWatcher::watch_entry(const std::string& folder, const std::string& name,
                              const std::set<std::string>& whom) {
  if (!inotify_) {
    return;
  }
  auto known = watches_.find(folder);
  if (known == watches_.end()) {
    if (watches_.size() >= kMostFolders) {
      problem_ = std::format("some files are not watched: they lie in more than {} folders", kMostFolders);
      return;
    }
    const int watch = ::inotify_add_watch(inotify_.get(), folder.c_str(), kEvents);
    if (watch < 0) {
      problem_ = system_error(std::format("`{}` is not watched", folder), errno).message;
      return;
    }
    known = watches_.emplace(folder, watch).first;
  }
  entries_[known->second][name].insert(whom.begin(), whom.end());
}

std::set<std::string> FileWatcher::take_changes() {
  std::set<std::string> concerned;
  bool moved = false;
  alignas(inotify_event) std::array<char, 64 * 1024> buffer{};
  while (inotify_) {
    const ssize_t got = ::read(inotify_.get(), buffer.data(), buffer.size());
    if (got <= 0) {
      break;
    }
    for (std::size_t at = 0; at + sizeof(inotify_event) <= static_cast<std::size_t>(got);) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const std::string name = event.len > 0 ? buffer.data() + at + sizeof event : "";
      at += sizeof event + event.len;
      if ((event.mask & IN_Q_OVERFLOW) != 0) {
        for (const auto& [path, whom] : wanted_) {
          concerned.insert(whom.begin(), whom.end());
        }
        continue;
      }
      const auto folder = entries_.find(event.wd);
      if (folder == entries_.end()) {
        continue;
      }
      const bool itself = (event.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED)) != 0;
      for (const auto& [entry, whom] : folder->second) {
        if (itself || entry == name) {
          concerned.insert(whom.begin(), whom.end());
          moved = true;
        }
      }
    }
  }
  if (moved) {
    // Links may lead elsewhere now, and what was missing be there.
    watch(std::map(wanted_));
  }
  return concerned;
}

void Debounce::happened(std::int64_t at) {
  first_ = first_ < 0 ? at : first_;
  last_ = at;
}

std::int64_t Debounce::due() const {
  return std::min(last_ + quiet_.nanoseconds, first_ + most_.nanoseconds);
}

}  // namespace runup
