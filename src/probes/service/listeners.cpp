// SPDX-License-Identifier: Apache-2.0
#include "probes/service/listeners.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <format>
#include <fstream>
#include <set>
#include <sstream>
#include <string_view>

#include "base/text.h"
#include "probes/service/doors.h"

namespace runup {

namespace {

constexpr std::size_t kMostConnections = 256;
// Of a network of its own, in which everything is free.
constexpr std::uint16_t kUsualPort = 18080;
constexpr std::size_t kRelayed = 64 * 1024;

sockaddr_in address_of(in_addr_t address, std::uint16_t port) {
  return {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {.s_addr = address}, .sin_zero = {}};
}

Result<FileDescriptor> listen_on(in_addr_t at, std::uint16_t port) {
  FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int yes = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  const sockaddr_in address = address_of(at, port);
  if (!socket || ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      ::listen(socket.get(), 64) != 0) {
    return std::unexpected(system_error("cannot listen there", errno));
  }
  return socket;
}

// Copies what `from` has to `to`; false at its end.
bool relay(int from, int to, std::vector<char>& buffer) {
  const ssize_t count = ::recv(from, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (count < 0) {
    return errno == EAGAIN || errno == EINTR;
  }
  for (ssize_t sent = 0; sent < count;) {
    const ssize_t part =
        ::send(to, buffer.data() + sent, static_cast<std::size_t>(count - sent), MSG_NOSIGNAL);
    if (part < 0 && errno != EINTR) {
      return false;
    }
    sent += std::max<ssize_t>(part, 0);
  }
  return count > 0;
}

struct Accepted {
  FileDescriptor socket;
  // of an allowed address; none for a stub
  FileDescriptor peer;
};

// What a stub is sent is thrown away.
bool swallow(int socket, std::vector<char>& buffer) {
  const ssize_t count = ::recv(socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
  return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
}

bool go_on(const Accepted& one, const pollfd& own, const pollfd& peer, std::vector<char>& buffer) {
  if (!one.peer) {
    return own.revents == 0 || swallow(one.socket.get(), buffer);
  }
  return (own.revents == 0 || relay(one.socket.get(), one.peer.get(), buffer)) &&
         (peer.revents == 0 || relay(one.peer.get(), one.socket.get(), buffer));
}

}  // namespace

Result<Surroundings> Surroundings::enter(const std::vector<std::string>& allow,
                                         const std::vector<std::string>& stubs,
                                         std::vector<std::string>& unprotected,
                                         const std::function<Result<void>()>& enter_network) {
  Surroundings here;
  auto doors = find_doors(allow, stubs);
  if (!doors) {
    return std::unexpected(doors.error());
  }
  auto outside = start_connecting(*doors);
  if (!outside) {
    return std::unexpected(outside.error());
  }
  here.outside_ = std::move(*outside);
  if (auto entered = enter_network(); entered) {
    here.own_ = true;
    if (auto added = add_addresses(*doors); !added) {
      return std::unexpected(added.error());
    }
    here.host_lines_ = lines_for_hosts(*doors);
  } else {
    unprotected.push_back(std::format("it has the host's network ({})", entered.error().describe()));
  }
  for (std::size_t i = 0; i < doors->size(); ++i) {
    const Door& door = (*doors)[i];
    if (!here.own_ && door.outside != 0) {
      continue;
    }
    auto socket = listen_on(here.own_ ? door.inside : htonl(INADDR_LOOPBACK), door.port);
    if (!socket) {
      return wrap(socket.error(), i < allow.size()
                                      ? std::format("`{}` of `network: allow`", printable(allow[i]))
                                      : std::format("the stub `{}`", printable(stubs[i - allow.size()])));
    }
    here.listeners_.push_back({.socket = std::move(*socket),
                               .address = here.own_ ? door.inside : htonl(INADDR_LOOPBACK),
                               .port = door.port,
                               .door = door.outside != 0 ? static_cast<int>(i) : -1});
  }
  return here;
}

void Surroundings::serve() {
  if (listeners_.empty()) {
    return;
  }
  // The thread outlives a move of this object, so it holds nothing of it.
  std::vector<std::array<int, 2>> doors;
  for (const Listener& listener : listeners_) {
    doors.push_back({listener.socket.get(), listener.door});
  }
  thread_ = std::jthread([doors, outside = outside_.get()](const std::stop_token& stop) {
    std::vector<Accepted> accepted;
    std::vector<char> buffer(kRelayed);
    while (!stop.stop_requested()) {
      std::vector<pollfd> polled;
      for (const auto& door : doors) {
        polled.push_back(
            {.fd = accepted.size() < kMostConnections ? door[0] : -1, .events = POLLIN, .revents = 0});
      }
      for (const Accepted& one : accepted) {
        polled.push_back({.fd = one.socket.get(), .events = POLLIN, .revents = 0});
        polled.push_back({.fd = one.peer.get(), .events = POLLIN, .revents = 0});
      }
      if (::poll(polled.data(), polled.size(), 100) <= 0) {
        continue;
      }
      std::vector<Accepted> kept;
      for (std::size_t i = 0; i < accepted.size(); ++i) {
        const std::size_t at = doors.size() + 2 * i;
        if (go_on(accepted[i], polled[at], polled[at + 1], buffer)) {
          kept.push_back(std::move(accepted[i]));
        }
      }
      accepted = std::move(kept);
      for (std::size_t i = 0; i < doors.size(); ++i) {
        Accepted one;
        if (polled[i].revents != 0) {
          one.socket = FileDescriptor(::accept4(doors[i][0], nullptr, nullptr, SOCK_CLOEXEC));
        }
        if (!one.socket) {
          continue;
        }
        if (doors[i][1] >= 0) {
          one.peer = connect_outside(outside, static_cast<std::size_t>(doors[i][1]));
          if (!one.peer) {
            continue;
          }
        }
        accepted.push_back(std::move(one));
      }
    }
  });
}

bool Surroundings::is_ours(in_addr_t address, std::uint16_t port) const {
  return std::ranges::any_of(listeners_, [&](const Listener& listener) {
    return listener.port == port && listener.address == address;
  });
}

std::vector<std::uint16_t> listening_ports(const Surroundings& surroundings) {
  constexpr std::string_view kListening = "0A";
  std::set<std::uint16_t> ports;
  for (const char* table : {"/proc/self/net/tcp", "/proc/self/net/tcp6"}) {
    std::ifstream lines(table);
    std::string line;
    std::getline(lines, line);
    while (std::getline(lines, line)) {
      std::istringstream words(line);
      std::string number;
      std::string local;
      std::string remote;
      std::string state;
      words >> number >> local >> remote >> state;
      const std::size_t colon = local.rfind(':');
      // IPv4's as the kernel prints it: the number that it has in memory; ours are none of IPv6
      in_addr_t address = 0;
      std::uint16_t port = 0;
      std::from_chars(local.data(), local.data() + std::min(colon, local.size()), address, 16);
      if (state == kListening && colon != std::string::npos &&
          std::from_chars(local.data() + colon + 1, local.data() + local.size(), port, 16).ec ==
              std::errc{} &&
          !surroundings.is_ours(address, port)) {
        ports.insert(port);
      }
    }
  }
  return {ports.begin(), ports.end()};
}

std::uint16_t free_port(const Surroundings& surroundings) {
  if (surroundings.own_network()) {
    std::uint16_t port = kUsualPort;
    while (surroundings.is_ours(htonl(INADDR_LOOPBACK), port)) {
      ++port;
    }
    return port;
  }
  const FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = address_of(htonl(INADDR_LOOPBACK), 0);
  socklen_t size = sizeof(address);
  ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

}  // namespace runup
