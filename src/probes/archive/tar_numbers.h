// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"

namespace runup {

inline constexpr std::size_t kTarBlock = 512;

// A text field up to its first NUL.
std::string_view tar_text(Bytes block, std::size_t offset, std::size_t size);
// Octal, or base 256 when the highest bit is set, as GNU tar writes large and negative numbers. An empty field is 0.
std::optional<std::int64_t> tar_number(Bytes block, std::size_t offset, std::size_t size);
// By the sum of unsigned bytes, or of signed ones, as old tars wrote it.
bool has_tar_checksum(Bytes block);
// "1712345678.123456789" in nanoseconds; the part behind the point may be missing.
std::optional<std::int64_t> pax_time(std::string_view text);
std::optional<std::uint64_t> pax_number(std::string_view text);

}  // namespace runup
