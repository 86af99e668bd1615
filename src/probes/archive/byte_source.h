// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "base/bytes.h"

namespace runup {

enum class Compression { none, gzip, bzip2, xz, zstd, lzma };

// "gzip"; empty for none
std::string_view compression_name(Compression compression);
// By the first bytes; `none` when they are of none.
Compression find_compression(Bytes start);

// A stream of bytes, unpacked. Checksums that the compression has are compared.
class ByteSource {
 public:
  ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  virtual ~ByteSource() = default;
  // How many bytes of `out` were filled; 0 at the end. ErrorCode::bad_input: damaged or cut off.
  virtual Result<std::size_t> read(std::span<std::byte> out) = 0;
};

// Reads what `fd` has from its start; does not take it.
Result<std::unique_ptr<ByteSource>> open_source(int fd, Compression compression);
// `parts` one behind the other, which must outlive the source.
Result<std::unique_ptr<ByteSource>> open_source(std::span<const Bytes> parts, Compression compression);
// Raw deflate, as zips have it.
std::unique_ptr<ByteSource> open_deflate(Bytes packed);

}  // namespace runup
