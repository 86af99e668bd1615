// SPDX-License-Identifier: Apache-2.0
#include "probes/sandbox/namespaces.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <format>
#include <string>

#include "base/bytes.h"

namespace runup {

namespace {

bool write_setting(const char* path, const std::string& text) {
  const FileDescriptor file(::open(path, O_WRONLY | O_CLOEXEC));
  return file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

}  // namespace

Result<void> leave_namespaces(int kinds) {
  const uid_t user = ::geteuid();
  const gid_t group = ::getegid();
  if (::unshare(kinds) == 0) {
    return {};
  }
  if (::unshare(CLONE_NEWUSER | kinds) != 0) {
    return std::unexpected(system_error("no user namespace can be had", errno));
  }
  write_setting("/proc/self/setgroups", "deny");
  if (!write_setting("/proc/self/uid_map", std::format("{0} {0} 1", user)) ||
      !write_setting("/proc/self/gid_map", std::format("{0} {0} 1", group))) {
    return std::unexpected(system_error("the user namespace cannot be set up", errno));
  }
  return {};
}

}  // namespace runup
