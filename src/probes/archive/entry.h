// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "base/bytes.h"

namespace runup {

// Of a second.
inline constexpr std::int64_t kNanoseconds = 1'000'000'000;
// Bytes of a file that are unpacked at once.
inline constexpr std::size_t kBuffer = std::size_t{256} * 1024;

enum class EntryKind { file, folder, symbolic_link, hard_link, special };

struct ArchiveEntry {
  // bytes as they will be on disk
  std::string name;
  EntryKind kind = EntryKind::file;
  // of links; of a symbolic link in a zip it is the content
  std::string target;
  // "a named pipe"; of special entries
  std::string special;
  // of a file, with its holes
  std::uint64_t bytes = 0;
  // permission bits
  std::uint32_t mode = 0;
  std::int64_t modified_ns = 0;
};

// What the readers say of an archive that cannot be read.
inline std::unexpected<Error> damaged(std::string words) {
  return fail(ErrorCode::bad_input, std::move(words));
}

// Takes a file's bytes in order. What is left out between two calls, and at the end, is zeros.
using EntrySink = std::function<Result<void>(std::uint64_t offset, Bytes bytes)>;

// Gives the entries of an archive in order. Errors: ErrorCode::bad_input, unsupported: the archive cannot be read;
// limit: it asks for too much; system: the host is in the way.
class EntryReader {
 public:
  EntryReader() = default;
  EntryReader(const EntryReader&) = delete;
  EntryReader& operator=(const EntryReader&) = delete;
  virtual ~EntryReader() = default;
  // Nothing at the archive's end.
  virtual Result<std::optional<ArchiveEntry>> next() = 0;
  // The content of the file that next() gave last; may be left out.
  virtual Result<void> read(const EntrySink& sink) = 0;
};

}  // namespace runup
