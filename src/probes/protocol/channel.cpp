// SPDX-License-Identifier: Apache-2.0
#include "probes/protocol/channel.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>

namespace runup {

namespace {

constexpr std::size_t kLengthBytes = 4;
// Memory grows with what really arrives, not with what a frame's length promises.
constexpr std::size_t kReadAtOnce = std::size_t{1} * 1024 * 1024;

std::array<char, kLengthBytes> length_bytes(std::size_t length) {
  std::array<char, kLengthBytes> bytes{};
  for (std::size_t i = 0; i < kLengthBytes; ++i) {
    bytes[i] = static_cast<char>((length >> (8 * i)) & 0xFFU);
  }
  return bytes;
}

Result<void> send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) {
      continue;
    }
    if (sent < 0) {
      Error failure = system_error("cannot send to the other side of the channel", errno);
      failure.code = ErrorCode::system;
      return std::unexpected(std::move(failure));
    }
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

// Waits until there is something to read; false when the deadline passes first.
Result<bool> wait_readable(int fd, Duration deadline) {
  while (true) {
    int timeout = -1;
    if (deadline.nanoseconds > 0) {
      const double left = (deadline - steady_now()).milliseconds();
      if (left <= 0) {
        return false;
      }
      timeout = static_cast<int>(std::min(left + 1, 1e9));
    }
    pollfd polled{.fd = fd, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&polled, 1, timeout);
    if (ready > 0) {
      return true;
    }
    if (ready < 0 && errno != EINTR) {
      return std::unexpected(system_error("cannot wait for the other side of the channel", errno));
    }
  }
}

// Fills `out` as far as the channel goes; fewer bytes mean that it ended.
Result<std::size_t> receive_into(int fd, std::span<char> out, Duration deadline) {
  std::size_t filled = 0;
  while (filled < out.size()) {
    auto ready = wait_readable(fd, deadline);
    if (!ready) {
      return std::unexpected(ready.error());
    }
    if (!*ready) {
      return fail(ErrorCode::limit, "no answer within the time allowed");
    }
    const ssize_t count = ::recv(fd, out.data() + filled, out.size() - filled, 0);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    // What a peer that died left unread is no reason to call its end an error.
    if (count == 0 || (count < 0 && errno == ECONNRESET)) {
      return filled;
    }
    if (count < 0) {
      return std::unexpected(system_error("cannot hear the other side of the channel", errno));
    }
    filled += static_cast<std::size_t>(count);
  }
  return filled;
}

}  // namespace

Result<void> Channel::send(const Json& message) {
  const std::string text = dump_json(message);
  if (text.size() > kMaxFrameBytes) {
    return fail(ErrorCode::limit, "a message of " + format_bytes(text.size()) + " is too large; at most " +
                                      format_bytes(kMaxFrameBytes) + " is sent");
  }
  const auto length = length_bytes(text.size());
  if (auto sent = send_all(fd_.get(), {length.data(), length.size()}); !sent) {
    return sent;
  }
  return send_all(fd_.get(), text);
}

Result<std::optional<Json>> Channel::receive(Duration deadline) {
  std::array<char, kLengthBytes> header{};
  auto got = receive_into(fd_.get(), header, deadline);
  if (!got) {
    return std::unexpected(got.error());
  }
  if (*got == 0) {
    return std::nullopt;
  }
  const auto length = read_little_endian<std::uint32_t>(runup::as_bytes({header.data(), *got}), 0);
  if (!length) {
    return fail(ErrorCode::bad_input, "the channel ended inside a frame's length");
  }
  if (*length > kMaxFrameBytes) {
    return fail(ErrorCode::bad_input, "a frame says that it has " + format_bytes(*length) + "; at most " +
                                          format_bytes(kMaxFrameBytes) + " is expected");
  }
  std::string text;
  while (text.size() < *length) {
    const std::size_t before = text.size();
    text.resize(before + std::min<std::size_t>(kReadAtOnce, *length - before));
    got = receive_into(fd_.get(), std::span(text).subspan(before), deadline);
    if (!got) {
      return std::unexpected(got.error());
    }
    if (before + *got < text.size()) {
      return fail(ErrorCode::bad_input, "the channel ended " + format_bytes(before + *got) +
                                            " into a frame of " + format_bytes(*length));
    }
  }
  auto json = parse_json(text, kMaxFrameBytes);
  if (!json) {
    Error failure = json.error();
    failure.code = ErrorCode::bad_input;
    return wrap(std::move(failure), "a frame is not json");
  }
  return std::move(*json);
}

}  // namespace runup
