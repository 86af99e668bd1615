// SPDX-License-Identifier: Apache-2.0
#include "daemon/journal.h"

#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <cstdlib>
#include <format>

#include "base/text.h"

namespace runup {

// $JOURNAL_STREAM is `DEVICE:INODE` of the stream that systemd gave as stderr (systemd.exec(5)).
bool journal_has_fields() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat status{};
  return stream != nullptr && ::fstat(STDERR_FILENO, &status) == 0 &&
         std::format("{}:{}", status.st_dev, status.st_ino) == stream;
}

void journal(Priority priority, const std::string& message, const JournalFields& fields) {
  const std::string shown = printable(message);
  if (!journal_has_fields()) {
    const std::string line = std::format("runupd: {}{}\n",
                                         priority == Priority::error     ? "error: "
                                         : priority == Priority::warning ? "warning: "
                                                                         : "",
                                         shown);
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
    return;
  }
  std::vector<std::string> entries{std::format("MESSAGE={}", shown),
                                   std::format("PRIORITY={}", static_cast<int>(priority)),
                                   "SYSLOG_IDENTIFIER=runupd"};
  for (const auto& [name, value] : fields) {
    entries.push_back(std::format("{}={}", name, printable(value)));
  }
  std::vector<iovec> parts;
  for (std::string& entry : entries) {
    parts.push_back({.iov_base = entry.data(), .iov_len = entry.size()});
  }
  ::sd_journal_sendv(parts.data(), static_cast<int>(parts.size()));
}

}  // namespace runup
