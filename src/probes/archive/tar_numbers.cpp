// SPDX-License-Identifier: Apache-2.0
#include "probes/archive/tar_numbers.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "probes/archive/entry.h"

namespace runup {

namespace {

constexpr std::size_t kChecksum = 148;
constexpr std::size_t kChecksumSize = 8;

// The first byte has the mark 0x80, then the sign, then the number's highest bits.
std::optional<std::int64_t> base_256(std::string_view field) {
  using Limits = std::numeric_limits<std::int64_t>;
  const auto first = static_cast<unsigned char>(field.front());
  std::int64_t value = static_cast<std::int64_t>(first & 0x3FU) - ((first & 0x40U) != 0 ? 0x40 : 0);
  for (const char byte : field.substr(1)) {
    if (value > Limits::max() / 256 || value < Limits::min() / 256) {
      return std::nullopt;
    }
    value = value * 256 + static_cast<unsigned char>(byte);
  }
  return value;
}

}  // namespace

std::string_view tar_text(Bytes block, std::size_t offset, std::size_t size) {
  const std::string_view field = as_text(block.subspan(offset, size));
  return field.substr(0, field.find('\0'));
}

std::optional<std::int64_t> tar_number(Bytes block, std::size_t offset, std::size_t size) {
  std::string_view field = as_text(block.subspan(offset, size));
  if ((static_cast<unsigned char>(field.front()) & 0x80U) != 0) {
    return base_256(field);
  }
  while (!field.empty() && (field.front() == ' ' || field.front() == '\0')) {
    field.remove_prefix(1);
  }
  if (field.empty()) {
    return 0;
  }
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value, 8);
  const std::string_view rest(end, static_cast<std::size_t>(field.data() + field.size() - end));
  if (error != std::errc{} || (!rest.empty() && rest.front() != ' ' && rest.front() != '\0')) {
    return std::nullopt;
  }
  return value;
}

bool has_tar_checksum(Bytes block) {
  const auto wanted = tar_number(block, kChecksum, kChecksumSize);
  std::int64_t plain = 0;
  std::int64_t with_sign = 0;
  for (std::size_t i = 0; i < kTarBlock; ++i) {
    const bool own = i >= kChecksum && i < kChecksum + kChecksumSize;
    const auto byte = own ? std::uint8_t{' '} : static_cast<std::uint8_t>(block[i]);
    plain += byte;
    with_sign += static_cast<std::int8_t>(byte);
  }
  return wanted && (*wanted == plain || *wanted == with_sign);
}

std::optional<std::int64_t> pax_time(std::string_view text) {
  std::int64_t seconds = 0;
  const char* start = text.data();
  const char* end = start + text.size();
  const auto [point, error] = std::from_chars(start, end, seconds);
  if (error != std::errc{} || std::numeric_limits<std::int64_t>::max() / kNanoseconds - 1 < seconds ||
      std::numeric_limits<std::int64_t>::min() / kNanoseconds + 1 > seconds) {
    return std::nullopt;
  }
  std::int64_t part = 0;
  std::int64_t unit = kNanoseconds / 10;
  for (const char* at = point == end ? end : point + 1; at != end; ++at, unit /= 10) {
    if (*at < '0' || *at > '9') {
      return std::nullopt;
    }
    part += (*at - '0') * unit;
  }
  return seconds * kNanoseconds + (text.starts_with('-') ? -part : part);
}

std::optional<std::uint64_t> pax_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

}  // namespace runup
