// SPDX-License-Identifier: Apache-2.0
#include "probes/python/memory_file.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <format>

namespace runup {

Result<FileDescriptor> make_memory_file(const char* name) {
  FileDescriptor file(::memfd_create(name, MFD_CLOEXEC));
  if (!file) {
    return std::unexpected(system_error("cannot make a file in memory", errno));
  }
  return file;
}

Result<void> write_bytes(int file, Bytes bytes, std::uint64_t at) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written <= 0) {
      return std::unexpected(system_error("cannot write into a file in memory", errno));
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    at += static_cast<std::uint64_t>(written);
  }
  return {};
}

Result<std::vector<std::byte>> read_bytes(int file, std::uint64_t at, std::uint64_t count) {
  struct stat status{};
  if (::fstat(file, &status) != 0) {
    return std::unexpected(system_error("cannot look at a file in memory", errno));
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (at > size || count > size - at) {
    return fail(ErrorCode::bad_input,
                std::format("{} bytes at {} were announced; the file has {}", count, at, size));
  }
  std::vector<std::byte> bytes(count);
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t got =
        ::pread(file, bytes.data() + done, bytes.size() - done, static_cast<off_t>(at + done));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      return std::unexpected(system_error("cannot read a file in memory", got == 0 ? EIO : errno));
    }
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

}  // namespace runup
