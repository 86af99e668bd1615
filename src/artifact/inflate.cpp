// SPDX-License-Identifier: Apache-2.0
#include "artifact/inflate.h"

#include <algorithm>
#include <array>
#include <format>

#include <zlib.h>

#include "base/duration.h"

namespace runup::artifact {

namespace {

constexpr std::size_t kChunk = std::size_t{64} * 1024;
constexpr std::uint64_t kMostReserved = std::uint64_t{16} << 20U;
// zlib counts in `unsigned int`.
constexpr std::size_t kMaxInput = std::size_t{1} << 30U;

class Inflater {
 public:
  Inflater() { ready_ = ::inflateInit2(&stream_, -MAX_WBITS) == Z_OK; }
  ~Inflater() {
    if (ready_) {
      ::inflateEnd(&stream_);
    }
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Hands each piece to `sink`; stops with an error as soon as more than `expected` bytes come.
  template <class Sink>
  Read<void> run(Bytes packed, std::uint64_t expected, Sink&& sink) {
    if (!ready_) {
      return problem(DefectKind::over_limit, "no memory to unpack");
    }
    std::array<unsigned char, kChunk> piece;
    std::uint64_t total = 0;
    int status = Z_OK;
    while (status != Z_STREAM_END) {
      if (stream_.avail_in == 0) {
        const std::size_t next = std::min(packed.size(), kMaxInput);
        stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(packed.data()));
        stream_.avail_in = static_cast<uInt>(next);
        packed = packed.subspan(next);
      }
      stream_.next_out = piece.data();
      stream_.avail_out = static_cast<uInt>(piece.size());
      status = ::inflate(&stream_, Z_NO_FLUSH);
      const std::size_t got = piece.size() - stream_.avail_out;
      total += got;
      if (total > expected) {
        return problem(DefectKind::contradiction,
                       std::format("unpacks to more than the {} that it says", format_bytes(expected)));
      }
      sink(std::as_bytes(std::span(piece.data(), got)));
      if (status == Z_BUF_ERROR || (status == Z_OK && got == 0 && stream_.avail_in == 0 && packed.empty())) {
        return problem(DefectKind::truncated,
                       std::format("the deflate stream ends after {} of {} bytes", total, expected));
      }
      if (status != Z_OK && status != Z_STREAM_END) {
        return problem(DefectKind::corrupt, std::format("no valid deflate stream after {} bytes", total));
      }
    }
    if (total != expected) {
      return problem(DefectKind::contradiction,
                     std::format("unpacks to {} bytes; it says {}", total, expected));
    }
    return {};
  }

 private:
  z_stream stream_{};
  bool ready_ = false;
};

}  // namespace

Read<std::vector<std::byte>> inflate(Bytes packed, std::uint64_t expected) {
  std::vector<std::byte> out;
  out.reserve(static_cast<std::size_t>(std::min(expected, kMostReserved)));
  auto done = Inflater().run(packed, expected,
                             [&](Bytes piece) { out.insert(out.end(), piece.begin(), piece.end()); });
  if (!done) {
    return std::unexpected(done.error());
  }
  return out;
}

Read<std::uint32_t> inflated_crc32(Bytes packed, std::uint64_t expected) {
  std::uint32_t crc = 0;
  auto done = Inflater().run(packed, expected, [&](Bytes piece) { crc = crc32_of(piece, crc); });
  if (!done) {
    return std::unexpected(done.error());
  }
  return crc;
}

std::uint32_t crc32_of(Bytes bytes, std::uint32_t before) {
  return static_cast<std::uint32_t>(
      ::crc32_z(before, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace runup::artifact
