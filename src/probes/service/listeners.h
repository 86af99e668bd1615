// SPDX-License-Identifier: Apache-2.0
#pragma once

// The network that the service is given: none but its loopback, and on it the doors of doors.h.

#include <netinet/in.h>

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
  // Puts this process, which must have one thread, into a network of its own (by `enter_network`) where that can be had;
  // `unprotected` gets what could not be kept. An error for a stub or an address that cannot be found or listened on.
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
  // Lines for /etc/hosts, by which the server finds the names of `allow` and `stubs`.
  const std::string& host_lines() const { return host_lines_; }
  // `address` is in network order.
  bool is_ours(in_addr_t address, std::uint16_t port) const;

 private:
  struct Listener {
    FileDescriptor socket;
    in_addr_t address = 0;
    std::uint16_t port = 0;
    // the door's index; -1 for a stub
    int door = -1;
  };
  Surroundings() = default;

  bool own_ = false;
  std::string host_lines_;
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
