// SPDX-License-Identifier: Apache-2.0
#include "artifact/zip_records.h"

#include <algorithm>
#include <cstring>
#include <format>
#include <limits>

namespace runup::artifact::zip {

namespace {

constexpr std::string_view kZip64Locator{"PK\x06\x07"};
constexpr std::string_view kZip64EndRecord{"PK\x06\x06"};
constexpr std::uint64_t kZip64LocatorSize = 20;
constexpr std::uint64_t kZip64EndRecordSize = 56;
constexpr std::uint64_t kLocalHeaderSize = 30;
constexpr std::uint64_t kCentralHeaderSize = 46;
constexpr std::uint64_t kMaxComment = 65535;
constexpr std::uint32_t kSeeZip64 = 0xFFFFFFFF;

template <class T>
T number(Bytes bytes, std::uint64_t offset) {
  return read_little_endian<T>(bytes, offset).value_or(0);
}

bool has(Bytes file, std::uint64_t offset, std::string_view signature) {
  return offset <= file.size() && as_text(file.subspan(offset)).starts_with(signature);
}

// Fills sizes and offset that the record left to its zip64 extra field (header id 1), in this order.
Read<void> read_zip64(Bytes extra, ZipMember& member, bool with_offset) {
  const bool wants_unpacked = member.unpacked == kSeeZip64;
  const bool wants_packed = member.packed == kSeeZip64;
  const bool wants_offset = with_offset && member.header_offset == kSeeZip64;
  if (!wants_unpacked && !wants_packed && !wants_offset) {
    return {};
  }
  std::uint64_t at = 0;
  while (at + 4 <= extra.size()) {
    const auto id = number<std::uint16_t>(extra, at);
    const auto size = number<std::uint16_t>(extra, at + 2);
    at += 4;
    if (size > extra.size() - at) {
      return problem(DefectKind::malformed, "an extra field is longer than its record");
    }
    if (id == 1) {
      const Bytes field = extra.subspan(at, size);
      std::uint64_t next = 0;
      for (auto [wanted, target] :
           {std::pair{wants_unpacked, &member.unpacked}, std::pair{wants_packed, &member.packed},
            std::pair{wants_offset, &member.header_offset}}) {
        if (wanted) {
          const auto value = read_little_endian<std::uint64_t>(field, next);
          if (!value) {
            return problem(DefectKind::malformed, "the zip64 extra field is too short");
          }
          *target = *value;
          next += 8;
        }
      }
      return {};
    }
    at += size;
  }
  // A size of exactly 2^32-1 without the field stands for itself.
  return {};
}

}  // namespace

std::optional<std::uint64_t> find_end_record(Bytes file) {
  if (file.size() < kEndRecordSize) {
    return std::nullopt;
  }
  const std::uint64_t tail = std::min<std::uint64_t>(file.size(), kEndRecordSize + kMaxComment);
  const std::string_view text = as_text(file.last(tail));
  const std::size_t found = text.rfind(kEndRecord, text.size() - kEndRecordSize);
  if (found == std::string_view::npos) {
    return std::nullopt;
  }
  return file.size() - tail + found;
}

std::optional<std::uint64_t> find_partial_end_record(Bytes file) {
  const std::uint64_t tail = std::min<std::uint64_t>(file.size(), kEndRecordSize - 1);
  const std::size_t found = as_text(file.last(tail)).rfind(kEndRecord);
  if (found == std::string_view::npos) {
    return std::nullopt;
  }
  return file.size() - tail + found;
}

Read<EndRecord> EndRecord::read(Bytes file, std::uint64_t offset) {
  EndRecord record{.entries = number<std::uint16_t>(file, offset + 10),
                   .directory = number<std::uint32_t>(file, offset + 16),
                   .directory_size = number<std::uint32_t>(file, offset + 12)};
  const std::uint64_t end = offset + kEndRecordSize + number<std::uint16_t>(file, offset + 20);
  if (end > file.size()) {
    return problem(DefectKind::truncated, "the zip's comment is cut off", offset);
  }
  record.after = file.size() - end;
  if (offset < kZip64LocatorSize || !has(file, offset - kZip64LocatorSize, kZip64Locator)) {
    return record;
  }
  const auto at = number<std::uint64_t>(file, offset - kZip64LocatorSize + 8);
  if (at > offset || offset - at < kZip64EndRecordSize || !has(file, at, kZip64EndRecord)) {
    return problem(DefectKind::malformed,
                   std::format("no zip64 end record at {}, where it is said to be", at),
                   offset - kZip64LocatorSize);
  }
  const EndRecord large{.entries = number<std::uint64_t>(file, at + 32),
                        .directory = number<std::uint64_t>(file, at + 48),
                        .directory_size = number<std::uint64_t>(file, at + 40),
                        .after = record.after};
  const auto differs = [](std::uint64_t small, std::uint64_t exact, std::uint64_t deferred) {
    return small != exact && small != deferred;
  };
  if (differs(record.entries, large.entries, 0xFFFF) ||
      differs(record.directory, large.directory, kSeeZip64) ||
      differs(record.directory_size, large.directory_size, kSeeZip64)) {
    return problem(DefectKind::contradiction,
                   "the zip64 end record and the short one give different directories", at);
  }
  return large;
}

Read<Header> read_central_header(Bytes directory, std::uint64_t at) {
  if (at > directory.size() || directory.size() - at < kCentralHeaderSize) {
    return problem(DefectKind::contradiction, "the central directory ends before it");
  }
  if (!has(directory, at, kCentralHeader)) {
    return problem(DefectKind::malformed, "no entry starts there");
  }
  const Bytes entry = directory.subspan(at);
  const std::uint64_t name = number<std::uint16_t>(entry, 28);
  const std::uint64_t extra = number<std::uint16_t>(entry, 30);
  const std::uint64_t comment = number<std::uint16_t>(entry, 32);
  Header header{.member = {.name = {},
                           .header_offset = number<std::uint32_t>(entry, 42),
                           .packed = number<std::uint32_t>(entry, 20),
                           .unpacked = number<std::uint32_t>(entry, 24),
                           .crc = number<std::uint32_t>(entry, 16),
                           .method = number<std::uint16_t>(entry, 10),
                           .flags = number<std::uint16_t>(entry, 8)},
                .size = kCentralHeaderSize + name + extra + comment};
  if (header.size > entry.size()) {
    return problem(DefectKind::malformed, "it is longer than the central directory");
  }
  header.member.name = as_text(entry.subspan(kCentralHeaderSize, name));
  if (auto ok = read_zip64(entry.subspan(kCentralHeaderSize + name, extra), header.member, true); !ok) {
    return std::unexpected(ok.error());
  }
  return header;
}

Read<Header> read_local_header(Bytes file, std::uint64_t at) {
  if (at > file.size() || file.size() - at < kLocalHeaderSize) {
    return problem(
        DefectKind::malformed,
        std::format("its local header is said to be at {}; the file has {} bytes", at, file.size()), at);
  }
  if (!has(file, at, kLocalHeader)) {
    return problem(DefectKind::malformed, "no local header where the central directory says it is", at);
  }
  const Bytes entry = file.subspan(at);
  const std::uint64_t name = number<std::uint16_t>(entry, 26);
  const std::uint64_t extra = number<std::uint16_t>(entry, 28);
  Header header{.member = {.name = {},
                           .header_offset = at,
                           .data_offset = at + kLocalHeaderSize + name + extra,
                           .packed = number<std::uint32_t>(entry, 18),
                           .unpacked = number<std::uint32_t>(entry, 22),
                           .crc = number<std::uint32_t>(entry, 14),
                           .method = number<std::uint16_t>(entry, 8),
                           .flags = number<std::uint16_t>(entry, 6)},
                .size = kLocalHeaderSize + name + extra};
  if (header.size > entry.size()) {
    return problem(DefectKind::truncated, "the file ends inside its local header", at);
  }
  header.member.name = as_text(entry.subspan(kLocalHeaderSize, name));
  if (auto ok = read_zip64(entry.subspan(kLocalHeaderSize + name, extra), header.member, false); !ok) {
    return std::unexpected(ok.error());
  }
  return header;
}

std::optional<Descriptor> find_descriptor(Bytes file, std::uint64_t data, const PageRelease& pages) {
  constexpr std::uint64_t kWindow = std::uint64_t{1} << 20U;
  const std::string_view text = as_text(file);
  std::uint64_t at = data;
  while (at < file.size()) {
    // A window at a time, so that the pages of a large member can be let go.
    const std::uint64_t length = std::min(kWindow, file.size() - at);
    const std::size_t found = text.substr(at, length + kDescriptor.size() - 1).find(kDescriptor);
    if (found == std::string_view::npos) {
      pages.drop(file.subspan(at, length));
      at += length;
      continue;
    }
    pages.drop(file.subspan(at, found));
    const Bytes entry = file.subspan(at + found);
    const std::uint64_t distance = at + found - data;
    const auto large = read_little_endian<std::uint64_t>(entry, 8);
    const bool wide = distance > kSeeZip64 || has(entry, 24, "PK");
    if (wide && large && *large == distance && read_little_endian<std::uint64_t>(entry, 16)) {
      return Descriptor{number<std::uint32_t>(entry, 4), distance, number<std::uint64_t>(entry, 16), 24};
    }
    if (read_little_endian<std::uint32_t>(entry, 12) && number<std::uint32_t>(entry, 8) == distance) {
      return Descriptor{number<std::uint32_t>(entry, 4), distance, number<std::uint32_t>(entry, 12), 16};
    }
    at += found + 1;
  }
  return std::nullopt;
}

}  // namespace runup::artifact::zip
