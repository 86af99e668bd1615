// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the server finds in its own network beside itself: stubs, which accept and stay silent, and what the config
// allows, which answers through a process that has the host's network.

#include <netinet/in.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace runup {

// Addresses are IPv4, in network order.
struct Door {
  // a name or address, as the config has it; empty: the loopback
  std::string host;
  std::uint16_t port = 0;
  // where the server finds it; of a name a loopback address of its own
  in_addr_t inside = 0;
  // where it is; 0 of a stub
  in_addr_t outside = 0;
};

// Of `HOST:PORT`, and of stubs, `tcp:PORT` or `tcp:HOST:PORT`. An error names a host that cannot be found, as `getent`
// finds it, or that has no IPv4 address.
Result<std::vector<Door>> find_doors(const std::vector<std::string>& allow,
                                     const std::vector<std::string>& stubs);

// Lines for /etc/hosts: the names of doors.
std::string lines_for_hosts(const std::vector<Door>& doors);

// Starts the process that connects for others: it is sent the index of a door, and sends a socket or none. This process
// must have one thread. The channel to it; none where no door leads outside.
Result<FileDescriptor> start_connecting(const std::vector<Door>& doors);
// The socket, connected to the door's outside; none when it cannot be reached.
FileDescriptor connect_outside(int channel, std::size_t door);

// In a network of this process's own: makes the inside of all doors its addresses.
Result<void> add_addresses(const std::vector<Door>& doors);

}  // namespace runup
