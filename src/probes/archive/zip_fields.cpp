// SPDX-License-Identifier: Apache-2.0
#include "probes/archive/zip_fields.h"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "artifact/inflate.h"
#include "base/text.h"

namespace runup {

namespace {

constexpr std::uint64_t kCentralHeaderSize = 46;
constexpr std::uint8_t kUnix = 3;
constexpr std::uint8_t kDarwin = 19;
constexpr std::uint16_t kUnicodePath = 0x7075;
constexpr std::uint16_t kUnixTime = 0x5455;

template <class T>
T number(Bytes bytes, std::uint64_t offset) {
  return read_little_endian<T>(bytes, offset).value_or(0);
}

std::optional<Bytes> extra_field(Bytes extra, std::uint16_t wanted) {
  for (std::uint64_t at = 0; at + 4 <= extra.size();) {
    const auto id = number<std::uint16_t>(extra, at);
    const auto size = number<std::uint16_t>(extra, at + 2);
    at += 4;
    if (size > extra.size() - at) {
      return std::nullopt;
    }
    if (id == wanted) {
      return extra.subspan(at, size);
    }
    at += size;
  }
  return std::nullopt;
}

// The UTF-8 name, when it is that of the name in the header.
std::optional<std::string> unicode_name(Bytes extra, const std::string& name) {
  const auto field = extra_field(extra, kUnicodePath);
  if (!field || field->size() <= 5 || (*field)[0] != std::byte{1} ||
      number<std::uint32_t>(*field, 1) != artifact::crc32_of(as_bytes(name))) {
    return std::nullopt;
  }
  std::string text(as_text(field->subspan(5)));
  return is_valid_utf8(text) ? std::optional(std::move(text)) : std::nullopt;
}

// MS-DOS has no time zone; it is taken for UTC.
std::int64_t dos_time(std::uint16_t date, std::uint16_t time) {
  using namespace std::chrono;
  const year_month first = year(1980 + (date >> 9U)) / month(std::clamp((date >> 5U) & 15U, 1U, 12U));
  const sys_days begin = first / 1;
  const auto since = begin.time_since_epoch() + days(std::max(date & 31U, 1U) - 1) + hours(time >> 11U) +
                     minutes((time >> 5U) & 63U) + seconds((time & 31U) * 2);
  return nanoseconds(since).count();
}

std::int64_t modified(Bytes record, Bytes extra) {
  const auto field = extra_field(extra, kUnixTime);
  if (field && field->size() >= 5 && (static_cast<unsigned>((*field)[0]) & 1U) != 0) {
    return static_cast<std::int64_t>(number<std::int32_t>(*field, 1)) * kNanoseconds;
  }
  return dos_time(number<std::uint16_t>(record, 14), number<std::uint16_t>(record, 12));
}

void set_unix_kind(std::uint32_t mode, ArchiveEntry& entry) {
  if (entry.name.ends_with('/') || (S_ISDIR(mode) && entry.bytes == 0)) {
    entry.kind = EntryKind::folder;
  } else if (S_ISLNK(mode)) {
    entry.kind = EntryKind::symbolic_link;
  } else if (S_ISFIFO(mode) || S_ISSOCK(mode) || S_ISBLK(mode) || S_ISCHR(mode)) {
    entry.kind = EntryKind::special;
    entry.special = S_ISFIFO(mode)   ? "a named pipe"
                    : S_ISSOCK(mode) ? "a socket"
                    : S_ISBLK(mode)  ? "a block device"
                                     : "a character device";
  }
}

}  // namespace

ArchiveEntry zip_entry(Bytes record, const artifact::ZipMember& member) {
  const std::uint64_t name_size = number<std::uint16_t>(record, 28);
  const Bytes extra = record.subspan(kCentralHeaderSize + name_size, number<std::uint16_t>(record, 30));
  ArchiveEntry entry{.name = unicode_name(extra, member.name).value_or(member.name),
                     .bytes = member.unpacked};
  const auto made_by = static_cast<std::uint8_t>(number<std::uint16_t>(record, 4) >> 8U);
  const bool has_mode = made_by == kUnix || made_by == kDarwin;
  const std::uint32_t mode = has_mode ? number<std::uint32_t>(record, 38) >> 16U : 0;
  set_unix_kind(mode, entry);
  // Without permissions it was written by a program that knows none.
  entry.mode = (mode & 0777U) != 0 ? mode & 07777U : entry.kind == EntryKind::folder ? 0755 : 0644;
  entry.modified_ns = modified(record, extra);
  if (entry.kind == EntryKind::folder) {
    entry.bytes = 0;
  }
  return entry;
}

}  // namespace runup
