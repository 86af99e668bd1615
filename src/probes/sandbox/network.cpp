// SPDX-License-Identifier: Apache-2.0
#include "probes/sandbox/network.h"

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "base/bytes.h"
#include "probes/sandbox/namespaces.h"

namespace runup {

Result<void> enter_own_network() {
  if (auto left = leave_namespaces(CLONE_NEWNET); !left) {
    return wrap(left.error(), "no network namespace can be had");
  }
  return raise_loopback();
}

Result<void> raise_loopback() {
  const FileDescriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq loopback{};
  std::memcpy(loopback.ifr_name, "lo", sizeof("lo"));
  loopback.ifr_flags = IFF_UP | IFF_RUNNING;
  if (!socket || ::ioctl(socket.get(), SIOCSIFFLAGS, &loopback) != 0) {
    return std::unexpected(system_error("the loopback of a new network cannot be used", errno));
  }
  return {};
}

}  // namespace runup
