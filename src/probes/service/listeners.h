// SPDX-License-Identifier: Apache-2.0
#pragma once

// The network that the service is given: none but its loopback, on which stubs accept and stay silent, and what the
// config allows answers through a process that has the host's network.

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "probes/sandbox/network.h"

namespace runup {

class Surroundings {
 public:
  // Puts this process, which must have one thread, into a network of its own (by `enter_network`) where that can be had
  // and where all of `allow` is on the host's loopback; `unprotected` gets what could not be kept. An error for a stub or an address
  // that cannot be listened on.
  static Result<Surroundings> enter(const std::vector<std::string>& allow,
                                    const std::vector<std::string>& stubs,
                                    std::vector<std::string>& unprotected,
                                    const std::function<Result<void>()>& enter_network = enter_own_network);
  Surroundings(Surroundings&&) noexcept = default;
  Surroundings& operator=(Surroundings&&) noexcept = default;
  Surroundings(const Surroundings&) = delete;
  Surroundings& operator=(const Surroundings&) = delete;
  ~Surroundings() = default;

  // Accepts from now on, in a thread.
  void serve();
  // nothing but the service and these listens here
  bool own_network() const { return own_; }
  bool is_ours(std::uint16_t port) const;

 private:
  struct Listener {
    FileDescriptor socket;
    std::uint16_t port = 0;
    // index of `allow`, -1 for a stub
    int allowed = -1;
  };
  Surroundings() = default;

  bool own_ = false;
  std::vector<Listener> listeners_;
  // to the process with the host's network
  FileDescriptor outside_;
  // last, so that it ends first
  std::jthread thread_;
};

// TCP ports of this network that are listened on, without those of `surroundings`; ascending.
std::vector<std::uint16_t> listening_ports(const Surroundings& surroundings);
// A port that nobody listens on now.
std::uint16_t free_port(const Surroundings& surroundings);

}  // namespace runup
