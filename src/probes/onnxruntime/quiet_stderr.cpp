// SPDX-License-Identifier: Apache-2.0
#include "probes/onnxruntime/quiet_stderr.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

namespace runup {

namespace {

// Of what is left to be told.
constexpr std::size_t kMostToTell = std::size_t{4} << 20U;
constexpr std::size_t kMostTold = std::size_t{64} << 10U;

std::string read_all(int fd) {
  std::string text(kMostToTell, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::pread(fd, text.data() + size, text.size() - size, static_cast<off_t>(size));
    if (got <= 0) {
      break;
    }
    size += static_cast<std::size_t>(got);
  }
  text.resize(size);
  return text;
}

}  // namespace

std::string without_schema_errors(std::string_view text) {
  std::string rest;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1);
    const std::string_view line = text.substr(0, end + 1);
    text.remove_prefix(line.size());
    if (line != "\n" && !line.starts_with("Schema error: ")) {
      rest += line;
    }
  }
  return rest;
}

QuietStderr::QuietStderr()
    : before_(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)), held_(::memfd_create("stderr", MFD_CLOEXEC)) {
  if (before_ && held_) {
    ::dup2(held_.get(), STDERR_FILENO);
  }
}

QuietStderr::~QuietStderr() {
  if (!before_ || !held_) {
    return;
  }
  ::dup2(before_.get(), STDERR_FILENO);
  const std::string told = without_schema_errors(read_all(held_.get()));
  [[maybe_unused]] const ssize_t written =
      ::write(STDERR_FILENO, told.data(), std::min(told.size(), kMostTold));
}

}  // namespace runup
