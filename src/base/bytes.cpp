// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/duration.h"

namespace runup {

namespace {

// What a regular file's descriptor says of its size; anything else has no bounded content.
Result<std::size_t> regular_size(int fd, const std::string& name) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) {
    return std::unexpected(system_error("cannot look at `" + name + "`", errno));
  }
  if (!S_ISREG(status.st_mode)) {
    return fail(ErrorCode::bad_input, "`" + name + "` is a " +
                                          (S_ISDIR(status.st_mode) ? "folder" : "special file") +
                                          "; expected a regular file");
  }
  return static_cast<std::size_t>(status.st_size);
}

Result<FileDescriptor> open_for_reading(const std::string& path) {
  // O_NONBLOCK, because opening a FIFO would otherwise wait for a writer.
  FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) {
    return std::unexpected(system_error("cannot open `" + path + "`", errno));
  }
  return fd;
}

Result<void> write_all(int fd, std::string_view content, const std::string& name) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0) {
      if (errno == EINTR) {
        continue;
      }
      return std::unexpected(system_error("cannot write `" + name + "`", errno));
    }
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

Result<MappedFile> MappedFile::open(const std::string& path) {
  auto fd = open_for_reading(path);
  if (!fd) {
    return std::unexpected(fd.error());
  }
  auto mapped = from_descriptor(fd->get());
  if (!mapped) {
    return wrap(mapped.error(), "cannot map `" + path + "`");
  }
  return mapped;
}

Result<MappedFile> MappedFile::from_descriptor(int fd) {
  auto size = regular_size(fd, "descriptor " + std::to_string(fd));
  if (!size) {
    return std::unexpected(size.error());
  }
  if (*size == 0) {
    return MappedFile(nullptr, 0);
  }
  void* data = ::mmap(nullptr, *size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (data == MAP_FAILED) {
    return std::unexpected(system_error("cannot map " + format_bytes(*size), errno));
  }
  return MappedFile(static_cast<const std::byte*>(data), *size);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) {
    ::munmap(const_cast<std::byte*>(data_), size_);
  }
}

Result<std::string> read_file(const std::string& path, std::size_t max_bytes) {
  auto fd = open_for_reading(path);
  if (!fd) {
    return std::unexpected(fd.error());
  }
  auto size = regular_size(fd->get(), path);
  if (!size) {
    return std::unexpected(size.error());
  }
  // Files of /proc say 0 and still have content, so the bound is on what is read.
  std::string content;
  char buffer[16 * 1024];
  while (true) {
    const ssize_t got = ::read(fd->get(), buffer, sizeof buffer);
    if (got < 0) {
      if (errno == EINTR) {
        continue;
      }
      return std::unexpected(system_error("cannot read `" + path + "`", errno));
    }
    if (got == 0) {
      return content;
    }
    if (content.size() + static_cast<std::size_t>(got) > max_bytes) {
      return fail(ErrorCode::limit, "`" + path + "` is larger than " + format_bytes(max_bytes));
    }
    content.append(buffer, static_cast<std::size_t>(got));
  }
}

Result<void> write_file_atomically(const std::string& path, std::string_view content) {
  std::string temporary = path + ".XXXXXX";
  FileDescriptor fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd) {
    return std::unexpected(system_error("cannot create a file beside `" + path + "`", errno));
  }
  const auto give_up = [&](Error error) -> Result<void> {
    ::unlink(temporary.c_str());
    return std::unexpected(std::move(error));
  };
  if (auto written = write_all(fd.get(), content, path); !written) {
    return give_up(written.error());
  }
  const mode_t mask = ::umask(0);
  ::umask(mask);
  if (::fchmod(fd.get(), 0666U & ~mask) != 0 || ::fsync(fd.get()) != 0) {
    return give_up(system_error("cannot finish `" + path + "`", errno));
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    return give_up(system_error("cannot put `" + path + "` in place", errno));
  }
  return {};
}

bool is_program(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

}  // namespace runup
