// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which watched files changed. Folders are watched, not files: a new file that is moved over the old one (the usual way
// to replace a file whole) is then seen, and so is a symbolic link on the way that now leads elsewhere.

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/duration.h"

namespace runup {

class FileWatcher {
 public:
  // Without inotify (no descriptor or watch left) it watches nothing, and `problem()` says why.
  FileWatcher();

  // Watches exactly these paths from now on, each for the names of `wanted` that it belongs to: absolute path ->
  // whatever the caller wants to hear.
  void watch(const std::map<std::string, std::set<std::string>>& wanted);

  // Readable when something happened; -1 without inotify.
  int fd() const { return inotify_.get(); }
  // Whom the events that are there concern. A lost queue concerns all.
  std::set<std::string> take_changes();
  const std::string& problem() const { return problem_; }

  // At most this many folders are watched.
  static constexpr std::size_t kMostFolders = 1000;

 private:
  void watch_path(const std::string& path, const std::set<std::string>& whom);
  void watch_entry(const std::string& folder, const std::string& name, const std::set<std::string>& whom);

  FileDescriptor inotify_;
  std::string problem_;
  std::map<std::string, int> watches_;
  // by watch: entry of the folder -> whom it concerns
  std::map<int, std::map<std::string, std::set<std::string>>> entries_;
  std::map<std::string, std::set<std::string>> wanted_;
};

// Lets a change settle: an audit is due when nothing has happened for `quiet`, or `most` after the first change.
class Debounce {
 public:
  Debounce(Duration quiet, Duration most) : quiet_(quiet), most_(most) {}
  // Moments of a clock that only goes on, in nanoseconds.
  void happened(std::int64_t at);
  bool is_waiting() const { return first_ >= 0; }
  // When it is due; only while it is waiting.
  std::int64_t due() const;
  void clear() { first_ = last_ = -1; }

 private:
  Duration quiet_;
  Duration most_;
  std::int64_t first_ = -1;
  std::int64_t last_ = -1;
};

}  // namespace runup
