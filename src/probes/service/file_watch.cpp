// SPDX-License-Identifier: Apache-2.0
#include "probes/service/file_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace runup {

FileWatch::FileWatch(const std::vector<std::string>& files)
    : events_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
  for (const std::string& file : files) {
    const int watch = ::inotify_add_watch(events_.get(), file.c_str(), IN_OPEN);
    if (watch >= 0) {
      files_.emplace(watch, file);
    }
  }
}

void FileWatch::look(Duration now) {
  alignas(inotify_event) std::array<char, 16 * 1024> buffer{};
  ssize_t count = 0;
  while ((count = ::read(events_.get(), buffer.data(), buffer.size())) > 0) {
    for (std::size_t at = 0; at + sizeof(inotify_event) <= static_cast<std::size_t>(count);) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof(event));
      at += sizeof(event) + event.len;
      const auto file = files_.find(event.wd);
      if (file == files_.end() || (event.mask & IN_OPEN) == 0) {
        continue;
      }
      const auto known = std::ranges::find(opened_, file->second, &OpenedByServiceFacts::path);
      if (known != opened_.end()) {
        ++known->count;
      } else {
        opened_.push_back({.path = file->second, .count = 1, .at = now});
      }
    }
  }
}

}  // namespace runup
