// SPDX-License-Identifier: Apache-2.0
#include "artifact/tar.h"

#include <format>
#include <optional>

#include "base/text.h"

namespace runup::artifact {

namespace {

constexpr std::uint64_t kTarBlock = 512;
constexpr std::size_t kMostMembers = 10'000;

std::string_view field(Bytes header, std::size_t offset, std::size_t size) {
  const std::string_view raw = as_text(header.subspan(offset, size));
  return raw.substr(0, raw.find('\0'));
}

// Octal text, or with the top bit set a big-endian number (GNU tar's base-256).
std::optional<std::uint64_t> number(Bytes header, std::size_t offset, std::size_t size) {
  const std::string_view raw = as_text(header.subspan(offset, size));
  std::uint64_t value = 0;
  if ((static_cast<unsigned char>(raw[0]) & 0x80U) != 0) {
    for (const char c : raw.substr(1)) {
      if (value >> 55U != 0) {
        return std::nullopt;
      }
      value = (value << 8U) | static_cast<unsigned char>(c);
    }
    return value;
  }
  const std::string_view digits = trim(field(header, offset, size));
  for (const char c : digits) {
    if (c < '0' || c > '7') {
      return std::nullopt;
    }
    value = value * 8 + static_cast<std::uint64_t>(c - '0');
  }
  return digits.empty() ? std::nullopt : std::optional(value);
}

bool has_valid_checksum(Bytes header) {
  constexpr std::size_t kPlace = 148;
  const auto expected = number(header, kPlace, 8);
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < kTarBlock; ++i) {
    // The checksum's own place counts as spaces.
    sum += i >= kPlace && i < kPlace + 8 ? std::uint64_t{' '} : std::to_integer<std::uint64_t>(header[i]);
  }
  return expected == sum;
}

}  // namespace

bool looks_like_tar(Bytes file) {
  return file.size() >= kTarBlock && file[0] != std::byte{0} && has_valid_checksum(file.first(kTarBlock));
}

std::vector<TarMember> read_tar(Bytes file, Defects& defects) {
  std::vector<TarMember> members;
  std::uint64_t at = 0;
  while (at + kTarBlock <= file.size() && members.size() < kMostMembers) {
    const Bytes header = file.subspan(at, kTarBlock);
    if (header[0] == std::byte{0}) {
      return members;
    }
    const auto size = number(header, 124, 12);
    if (!has_valid_checksum(header) || !size) {
      defects.add(DefectKind::corrupt, "the tar header's checksum or size is wrong", {}, at);
      return members;
    }
    const std::string name(field(header, 0, 100));
    const std::uint64_t left = file.size() - at - kTarBlock;
    if (*size > left) {
      defects.add(Problem{.kind = DefectKind::truncated,
                          .message = std::format("has {} bytes; the file ends after {} of them", *size, left),
                          .offset = at + kTarBlock,
                          .missing_bytes = *size - left},
                  printable(name));
      return members;
    }
    const char type = static_cast<char>(header[156]);
    if (type == '0' || type == '\0') {
      members.push_back({.name = name, .offset = at + kTarBlock, .bytes = *size});
    }
    at += kTarBlock + (*size + kTarBlock - 1) / kTarBlock * kTarBlock;
  }
  if (members.size() < kMostMembers) {
    defects.add(DefectKind::truncated, "the tar archive ends without its end blocks", {}, file.size());
  }
  return members;
}

}  // namespace runup::artifact
