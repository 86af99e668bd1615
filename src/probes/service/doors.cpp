// SPDX-License-Identifier: Apache-2.0
#include "probes/service/doors.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <format>
#include <optional>
#include <string_view>

#include "base/duration.h"
#include "base/text.h"
#include "probes/service/passing.h"

namespace runup {

namespace {

constexpr Duration kLookupPatience = Duration::from_milliseconds(10'000);
constexpr std::size_t kLongestLookup = 4096;
constexpr std::size_t kMostDoors = 200;
// Addresses of the loopback that names get: 127.77.0.1 and those after it.
constexpr std::uint32_t kFirstInside = 0x7F4D0001;
constexpr timeval kConnectPatience{.tv_sec = 10, .tv_usec = 0};

const in_addr_t kLoopback = htonl(INADDR_LOOPBACK);

bool is_on_loopback(in_addr_t address) { return ntohl(address) >> 24U == 127; }

Door door_of(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  Door door{.host = std::string(text.substr(0, colon == std::string_view::npos ? 0 : colon))};
  text.remove_prefix(colon == std::string_view::npos ? 0 : colon + 1);
  std::from_chars(text.data(), text.data() + text.size(), door.port);
  door.host = door.host == "localhost" ? "" : door.host;
  return door;
}

std::optional<in_addr_t> numeric(const std::string& host) {
  in_addr address{};
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1 ? std::optional(address.s_addr) : std::nullopt;
}

// What `getent ahostsv4 NAME` prints. runup is linked statically, and the C library's own lookup needs its modules.
std::string look_up(const std::string& name) {
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return "";
  }
  const FileDescriptor output(ends[0]);
  FileDescriptor input(ends[1]);
  const pid_t process = ::fork();
  if (process == 0) {
    ::dup2(input.get(), STDOUT_FILENO);
    // Not by PATH nor with the service's variables: both may lead into the package.
    const std::array<const char*, 2> environment{"PATH=/usr/bin:/bin", nullptr};
    ::execle("/usr/bin/getent", "getent", "ahostsv4", "--", name.c_str(), nullptr, environment.data());
    ::_exit(127);
  }
  input = FileDescriptor();
  std::string text;
  const Duration end = steady_now() + kLookupPatience;
  while (process > 0 && text.size() < kLongestLookup) {
    std::array<char, 1024> part{};
    pollfd polled{.fd = output.get(), .events = POLLIN, .revents = 0};
    const std::int64_t left = (end - steady_now()).nanoseconds / 1'000'000;
    if (left <= 0 || ::poll(&polled, 1, static_cast<int>(left)) <= 0) {
      break;
    }
    const ssize_t count = ::read(output.get(), part.data(), part.size());
    if (count <= 0) {
      break;
    }
    text.append(part.data(), static_cast<std::size_t>(count));
  }
  if (process > 0) {
    ::kill(process, SIGKILL);
    ::waitpid(process, nullptr, 0);
  }
  return text;
}

// "10.0.0.5       STREAM db.internal"
std::optional<in_addr_t> find_host(const std::string& host) {
  if (const auto address = numeric(host)) {
    return address;
  }
  const std::string found = look_up(host);
  return numeric(found.substr(0, found.find_first_of(" \t\n")));
}

// The process that stays in the host's network.
[[noreturn]] void connect_for_others(const FileDescriptor& channel, const std::vector<Door>& doors) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::uint32_t index = 0;
  while (::recv(channel.get(), &index, sizeof(index), 0) == static_cast<ssize_t>(sizeof(index))) {
    const FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &kConnectPatience, sizeof(kConnectPatience));
    bool connected = false;
    if (index < doors.size() && doors[index].outside != 0) {
      const sockaddr_in address{.sin_family = AF_INET,
                                .sin_port = htons(doors[index].port),
                                .sin_addr = {.s_addr = doors[index].outside},
                                .sin_zero = {}};
      connected = ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    }
    if (!send_message(channel.get(), connected ? "y" : "n", connected ? socket.get() : -1)) {
      break;
    }
  }
  ::_exit(0);
}

}  // namespace

Result<std::vector<Door>> find_doors(const std::vector<std::string>& allow,
                                     const std::vector<std::string>& stubs) {
  std::vector<Door> doors;
  if (allow.size() + stubs.size() > kMostDoors) {
    return fail(ErrorCode::limit, std::format("more than {} addresses are allowed or stubs", kMostDoors));
  }
  for (const std::string& text : allow) {
    Door door = door_of(text);
    const auto address = door.host.empty() ? std::optional(kLoopback) : find_host(door.host);
    if (!address) {
      return fail(ErrorCode::not_found,
                  std::format("`{}` of `network: allow`: no IPv4 address of `{}` can be found on this host",
                              printable(text), printable(door.host)));
    }
    door.outside = *address;
    doors.push_back(std::move(door));
  }
  for (const std::string& text : stubs) {
    doors.push_back(
        door_of(text.starts_with("tcp:") ? std::string_view(text).substr(4) : std::string_view(text)));
  }
  std::uint32_t next = kFirstInside;
  for (Door& door : doors) {
    const auto same = std::ranges::find_if(
        doors, [&](const Door& other) { return other.inside != 0 && other.host == door.host; });
    door.inside = door.host.empty()     ? kLoopback
                  : same != doors.end() ? same->inside
                                        : numeric(door.host).value_or(htonl(next));
    ++next;
  }
  return doors;
}

std::string lines_for_hosts(const std::vector<Door>& doors) {
  std::string lines;
  for (const Door& door : doors) {
    if (!door.host.empty() && !numeric(door.host)) {
      std::array<char, INET_ADDRSTRLEN> text{};
      const in_addr address{.s_addr = door.inside};
      lines += std::format("{} {}\n", ::inet_ntop(AF_INET, &address, text.data(), text.size()), door.host);
    }
  }
  return lines;
}

Result<FileDescriptor> start_connecting(const std::vector<Door>& doors) {
  std::array<int, 2> ends{-1, -1};
  if (std::ranges::none_of(doors, [](const Door& door) { return door.outside != 0; })) {
    return FileDescriptor();
  }
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return std::unexpected(system_error("cannot make a socket", errno));
  }
  FileDescriptor ours(ends[0]);
  const FileDescriptor theirs(ends[1]);
  const pid_t process = ::fork();
  if (process < 0) {
    return std::unexpected(system_error("cannot make a process", errno));
  }
  if (process == 0) {
    ours = FileDescriptor();
    connect_for_others(theirs, doors);
  }
  return ours;
}

FileDescriptor connect_outside(int channel, std::size_t door) {
  const auto index = static_cast<std::uint32_t>(door);
  ::send(channel, &index, sizeof(index), MSG_NOSIGNAL);
  return receive_message(channel, 1).descriptor;
}

Result<void> add_addresses(const std::vector<Door>& doors) {
  const FileDescriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  int number = 0;
  for (const Door& door : doors) {
    // All of 127.0.0.0/8 is the loopback's already.
    if (is_on_loopback(door.inside)) {
      continue;
    }
    ifreq request{};
    std::snprintf(request.ifr_name, sizeof(request.ifr_name), "lo:%d", ++number);
    const sockaddr_in address{
        .sin_family = AF_INET, .sin_port = 0, .sin_addr = {.s_addr = door.inside}, .sin_zero = {}};
    std::memcpy(&request.ifr_addr, &address, sizeof(address));
    if (::ioctl(socket.get(), SIOCSIFADDR, &request) != 0 && errno != EEXIST) {
      return std::unexpected(
          system_error(std::format("`{}` cannot be had in a network of its own", door.host), errno));
    }
    sockaddr_in mask{
        .sin_family = AF_INET, .sin_port = 0, .sin_addr = {.s_addr = INADDR_NONE}, .sin_zero = {}};
    std::memcpy(&request.ifr_netmask, &mask, sizeof(mask));
    ::ioctl(socket.get(), SIOCSIFNETMASK, &request);
  }
  return {};
}

}  // namespace runup
