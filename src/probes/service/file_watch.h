// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which of some files are opened, whoever opens them, by inotify. A process that maps or reads a file has opened it.

#include <map>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "facts/service.h"

namespace runup {

class FileWatch {
 public:
  // Those that do not exist are never opened.
  explicit FileWatch(const std::vector<std::string>& files);
  // Takes note of what was opened since; `now` is since the start of the service.
  void look(Duration now);
  const std::vector<OpenedByServiceFacts>& opened() const { return opened_; }

 private:
  FileDescriptor events_;
  std::map<int, std::string> files_;
  std::vector<OpenedByServiceFacts> opened_;
};

}  // namespace runup
