// SPDX-License-Identifier: Apache-2.0
#include "probes/supervisor/wire.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace runup {

namespace {

// The kernel's own bound (SCM_MAX_FD).
constexpr std::size_t kMaxDescriptors = 253;

}  // namespace

Result<void> send_packet(int socket, PacketKind kind, std::span<const int> descriptors) {
  if (descriptors.size() > kMaxDescriptors) {
    return fail(ErrorCode::limit, "more than 253 descriptors cannot travel in one packet");
  }
  auto word = static_cast<std::uint32_t>(kind);
  iovec body{.iov_base = &word, .iov_len = sizeof(word)};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(kMaxDescriptors * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &body;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
  }
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) {
    const int error = errno;
    Error failure = system_error("cannot talk to the supervisor", error);
    const bool gone = error == EPIPE || error == ECONNRESET || error == ECONNREFUSED || error == ENOTCONN;
    failure.code = gone ? ErrorCode::not_found : ErrorCode::system;
    return std::unexpected(std::move(failure));
  }
  return {};
}

Result<std::optional<Packet>> receive_packet(int socket) {
  std::uint32_t word = 0;
  iovec body{.iov_base = &word, .iov_len = sizeof(word)};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(kMaxDescriptors * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &body;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t received = 0;
  do {
    received = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    // A peer that closed with something unread resets the connection, which is told once, before what
    // it had sent is given.
  } while (received < 0 && (errno == EINTR || errno == ECONNRESET));
  if (received < 0) {
    return std::unexpected(system_error("cannot hear the other side of the supervisor's socket", errno));
  }
  Packet packet;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
      continue;
    }
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    std::vector<int> numbers(count);
    std::memcpy(numbers.data(), CMSG_DATA(header), count * sizeof(int));
    for (const int number : numbers) {
      packet.descriptors.emplace_back(number);
    }
  }
  if (received == 0) {
    return std::nullopt;
  }
  // The kernel drops descriptors when this process has no room for them.
  if (static_cast<std::size_t>(received) != sizeof(word) || (message.msg_flags & MSG_CTRUNC) != 0) {
    return fail(ErrorCode::system, "descriptors were lost on the way to the supervisor");
  }
  packet.kind = static_cast<PacketKind>(word);
  return packet;
}

Result<FileDescriptor> make_blob(std::string_view content) {
  FileDescriptor file(::memfd_create("runup", MFD_CLOEXEC));
  if (!file) {
    return std::unexpected(system_error("cannot make an anonymous file", errno));
  }
  while (!content.empty()) {
    const ssize_t written = ::write(file.get(), content.data(), content.size());
    if (written < 0 && errno != EINTR) {
      return std::unexpected(system_error("cannot write an anonymous file", errno));
    }
    content.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
  }
  if (::lseek(file.get(), 0, SEEK_SET) != 0) {
    return std::unexpected(system_error("cannot rewind an anonymous file", errno));
  }
  return file;
}

Result<std::string> read_blob(int fd, std::size_t max_bytes) {
  std::string content;
  std::array<char, 64 * 1024> part{};
  while (true) {
    const ssize_t count = ::pread(fd, part.data(), part.size(), static_cast<off_t>(content.size()));
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      return std::unexpected(system_error("cannot read an anonymous file", errno));
    }
    if (count == 0) {
      return content;
    }
    if (content.size() + static_cast<std::size_t>(count) > max_bytes) {
      return fail(ErrorCode::limit, "an anonymous file is larger than expected");
    }
    content.append(part.data(), static_cast<std::size_t>(count));
  }
}

}  // namespace runup
