// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace runup {

using Bytes = std::span<const std::byte>;

inline Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline bool is_zero(Bytes bytes) {
  // Each byte is the one before it.
  return bytes.empty() ||
         (bytes[0] == std::byte{0} && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

// The little-endian value at `offset`, or nothing when it would reach past the end.
template <class T>
  requires std::integral<T> || std::floating_point<T>
std::optional<T> read_little_endian(Bytes bytes, std::size_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) {
    return std::nullopt;
  }
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

// A file descriptor that is closed with its owner.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor();

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

// A whole regular file mapped read-only and privately; the mapping lives as long as this object.
// A file that another process truncates meanwhile raises SIGBUS in the reader, which is one reason
// why model files are only ever mapped inside a probe.
class MappedFile {
 public:
  static Result<MappedFile> open(const std::string& path);
  // Maps what `fd` refers to; does not take the descriptor.
  static Result<MappedFile> from_descriptor(int fd);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  Bytes bytes() const { return {data_, size_}; }

 private:
  MappedFile(const std::byte* data, std::size_t size) : data_(data), size_(size) {}
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

// Reads a regular file of at most `max_bytes`.
Result<std::string> read_file(const std::string& path, std::size_t max_bytes);
// Writes to a temporary file beside `path`, syncs it and renames it over `path`: readers see the
// old content or the new one, never a part.
Result<void> write_file_atomically(const std::string& path, std::string_view content);

// A file that may be executed.
bool is_program(const std::string& path);

// Lower-case hex SHA-256.
std::string sha256_hex(Bytes bytes);

}  // namespace runup
