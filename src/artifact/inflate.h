// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "artifact/defects.h"
#include "base/bytes.h"

namespace runup::artifact {

// Deflate cannot shrink more than this (zlib's technical notes); a member that claims more lies.
inline constexpr std::uint64_t kMaxDeflateRatio = 1032;

// Unpacks a raw deflate stream (RFC 1951) that must give exactly `expected` bytes. Memory is taken
// as the stream yields, never on the word of `expected` alone.
Read<std::vector<std::byte>> inflate(Bytes packed, std::uint64_t expected);

// CRC-32 of what the stream unpacks to, without keeping it.
Read<std::uint32_t> inflated_crc32(Bytes packed, std::uint64_t expected);

std::uint32_t crc32_of(Bytes bytes, std::uint32_t before = 0);

}  // namespace runup::artifact
