// SPDX-License-Identifier: Apache-2.0
#include "artifact/zip.h"

#include <algorithm>
#include <format>
#include <limits>

#include "artifact/inflate.h"
#include "artifact/zip_records.h"
#include "base/duration.h"
#include "base/text.h"

namespace runup::artifact {

namespace {

constexpr std::uint64_t kMaxMembers = 250'000;

// Names that leave the folder into which an archive would be unpacked.
bool climbs_out(std::string_view name) {
  if (name.starts_with('/') || name.contains('\\') || name.contains('\0')) {
    return true;
  }
  for (const std::string& part : split(name, '/')) {
    if (part == "..") {
      return true;
    }
  }
  return false;
}

void contradicts(Defects& defects, const ZipMember& member, std::string_view what, const std::string& local,
                 const std::string& central) {
  defects.add(
      DefectKind::contradiction,
      std::format("{} is {} in the local header and {} in the central directory", what, local, central),
      printable(member.name), member.header_offset);
}

// What a member says of itself that no reader could honour.
std::optional<Problem> unreadable(const ZipMember& member) {
  if ((member.flags & zip::kEncryptionFlags) != 0) {
    return Problem{.message = "is marked as encrypted"};
  }
  if (member.method != 0 && member.method != 8) {
    return Problem{
        .message = std::format("compression method {}; expected 0 (stored) or 8 (deflated)", member.method)};
  }
  if (member.method == 0 && member.packed != member.unpacked) {
    return Problem{.kind = DefectKind::contradiction,
                   .message = std::format("is stored, and its sizes are {} and {} bytes", member.packed,
                                          member.unpacked)};
  }
  if (member.deflated() && member.unpacked / kMaxDeflateRatio > member.packed + 1) {
    return Problem{.kind = DefectKind::contradiction,
                   .message = std::format("says that {} bytes unpack to {}, which no deflate stream can do",
                                          member.packed, format_bytes(member.unpacked))};
  }
  return std::nullopt;
}

}  // namespace

bool ZipArchive::looks_like_zip(Bytes file) {
  const std::string_view text = as_text(file);
  if (text.starts_with(zip::kLocalHeader) || text.starts_with(zip::kEndRecord)) {
    return true;
  }
  const auto end = zip::find_end_record(file);
  if (!end) {
    return false;
  }
  const auto record = zip::EndRecord::read(file, *end);
  return record && record->entries > 0 && record->directory < file.size() &&
         text.substr(record->directory).starts_with(zip::kCentralHeader);
}

bool ZipArchive::ends_like_zip(Bytes file) {
  const auto end = zip::find_end_record(file);
  if (!end) {
    return false;
  }
  constexpr std::uint64_t kNear = std::uint64_t{64} << 10U;
  const std::uint64_t near = std::min(*end, kNear);
  return as_text(file.subspan(*end - near, near)).contains(zip::kCentralHeader);
}

ZipArchive ZipArchive::open(Bytes file, Defects& defects, const PageRelease& pages) {
  ZipArchive archive(file);
  const auto end = zip::find_end_record(file);
  if (!end) {
    archive.truncated_ = true;
    Problem cut{.kind = DefectKind::truncated,
                .message = "the zip's central directory is missing: the end of the file is cut off"};
    if (const auto partial = zip::find_partial_end_record(file)) {
      cut.missing_bytes = zip::kEndRecordSize - (file.size() - *partial);
      cut.message =
          std::format("the zip's end record has {} of {} bytes", file.size() - *partial, zip::kEndRecordSize);
    }
    defects.add(std::move(cut));
    archive.walk_local_headers(defects, pages);
  } else if (!archive.read_directory(*end, defects)) {
    archive.walk_local_headers(defects, pages);
  }
  if (!archive.members_.empty() && !as_text(file).starts_with(zip::kLocalHeader)) {
    defects.add(DefectKind::malformed, "the file does not start with a zip member; PyTorch refuses it", {},
                0);
  }
  archive.index_names(defects);
  std::size_t checked = 0;
  for (ZipMember& member : archive.members_) {
    if (climbs_out(member.name)) {
      defects.add(DefectKind::malformed, "the member's name leaves the archive's folder",
                  printable(member.name));
    }
    if (auto why = unreadable(member)) {
      member.readable = false;
      defects.add(std::move(*why), printable(member.name));
    }
    // Each header is on a page of its own in a large file.
    if (++checked % 256 == 0) {
      pages.drop(file);
    }
  }
  return archive;
}

bool ZipArchive::read_directory(std::uint64_t end_record, Defects& defects) {
  const auto record = zip::EndRecord::read(file_, end_record);
  if (!record) {
    defects.add(record.error());
    return false;
  }
  if (record->directory > end_record || record->directory_size > end_record - record->directory) {
    defects.add(DefectKind::malformed,
                std::format("the central directory is said to be at {} with {} bytes; the file has {}",
                            record->directory, record->directory_size, file_.size()),
                {}, end_record);
    return false;
  }
  if (record->after > 0) {
    defects.add(DefectKind::contradiction,
                std::format("{} bytes after the zip's end record and its comment", record->after), {},
                end_record);
  }
  read_entries(record->directory, record->directory_size, record->entries, defects);
  for (ZipMember& member : members_) {
    check_local_header(member, defects);
  }
  check_overlaps(record->directory, defects);
  return true;
}

void ZipArchive::read_entries(std::uint64_t start, std::uint64_t size, std::uint64_t count,
                              Defects& defects) {
  const Bytes directory = file_.subspan(start, size);
  std::uint64_t at = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (i >= kMaxMembers) {
      defects.add(DefectKind::over_limit, std::format("{} members; at most {} are read", count, kMaxMembers));
      return;
    }
    auto entry = zip::read_central_header(directory, at);
    if (!entry) {
      Problem why = entry.error();
      why.message = std::format("central directory entry {} of {}: {}", i + 1, count, why.message);
      why.offset = start + at;
      defects.add(std::move(why));
      return;
    }
    at += entry->size;
    members_.push_back(std::move(entry->member));
  }
  if (at != size) {
    defects.add(DefectKind::contradiction,
                std::format("the central directory has {} bytes; its {} entries take {}", size, count, at),
                {}, start);
  }
}

void ZipArchive::check_local_header(ZipMember& member, Defects& defects) {
  const auto local = zip::read_local_header(file_, member.header_offset);
  if (!local) {
    defects.add(local.error(), printable(member.name));
    return;
  }
  const ZipMember& header = local->member;
  member.data_offset = header.data_offset;
  if (header.name != member.name) {
    contradicts(defects, member, "the name", std::format("`{}`", printable(header.name)),
                std::format("`{}`", printable(member.name)));
  }
  if (header.method != member.method) {
    contradicts(defects, member, "the compression method", std::to_string(header.method),
                std::to_string(member.method));
  }
  if (((header.flags ^ member.flags) & (zip::kEncryptionFlags | zip::kDescriptorFlag)) != 0) {
    contradicts(defects, member, "the flag word", std::format("{:#x}", header.flags),
                std::format("{:#x}", member.flags));
  }
  // With a data descriptor the local header may leave these at zero.
  const bool deferred = (header.flags & zip::kDescriptorFlag) != 0;
  const auto differs = [&](std::uint64_t here, std::uint64_t there) {
    return here != there && !(deferred && here == 0);
  };
  if (differs(header.crc, member.crc)) {
    contradicts(defects, member, "the checksum", std::format("{:08x}", header.crc),
                std::format("{:08x}", member.crc));
  }
  if (differs(header.packed, member.packed) || differs(header.unpacked, member.unpacked)) {
    contradicts(defects, member, "the size", std::format("{} ({} packed)", header.unpacked, header.packed),
                std::format("{} ({} packed)", member.unpacked, member.packed));
  }
  if (member.packed > file_.size() - member.data_offset) {
    const std::uint64_t there = file_.size() - member.data_offset;
    defects.add(
        Problem{.kind = DefectKind::truncated,
                .message = std::format("has {} bytes; the file ends after {} of them", member.packed, there),
                .offset = member.data_offset,
                .missing_bytes = member.packed - there},
        printable(member.name));
    return;
  }
  member.readable = true;
}

void ZipArchive::check_overlaps(std::uint64_t directory, Defects& defects) {
  std::vector<const ZipMember*> order;
  for (const ZipMember& member : members_) {
    if (member.readable) {
      order.push_back(&member);
    }
  }
  std::ranges::sort(order, {}, [](const ZipMember* member) { return member->header_offset; });
  for (std::size_t i = 0; i < order.size(); ++i) {
    const ZipMember& member = *order[i];
    const std::uint64_t end = member.data_offset + member.packed;
    if (i + 1 < order.size() && end > order[i + 1]->header_offset) {
      defects.add(DefectKind::contradiction,
                  std::format("its bytes are also those of `{}`", printable(member.name)),
                  printable(order[i + 1]->name), order[i + 1]->header_offset);
    } else if (end > directory) {
      defects.add(DefectKind::contradiction, "its bytes reach into the central directory",
                  printable(member.name), member.header_offset);
    }
  }
}

void ZipArchive::walk_local_headers(Defects& defects, const PageRelease& pages) {
  members_.clear();
  std::uint64_t at = 0;
  while (members_.size() < kMaxMembers) {
    auto local = zip::read_local_header(file_, at);
    if (!local) {
      break;
    }
    ZipMember member = std::move(local->member);
    const std::uint64_t left = file_.size() - member.data_offset;
    const bool deferred = (member.flags & zip::kDescriptorFlag) != 0 && member.packed == 0;
    std::uint64_t after = 0;
    if (deferred) {
      const auto descriptor = zip::find_descriptor(file_, member.data_offset, pages);
      if (descriptor) {
        member.crc = descriptor->crc;
        member.packed = descriptor->packed;
        member.unpacked = descriptor->unpacked;
        member.readable = true;
        after = descriptor->size;
      }
    } else if (member.packed <= left) {
      member.readable = true;
    } else {
      defects.add(
          Problem{.kind = DefectKind::truncated,
                  .message = std::format("has {} bytes; the file ends after {} of them", member.packed, left),
                  .offset = member.data_offset,
                  .missing_bytes = member.packed - left},
          printable(member.name));
    }
    at = member.data_offset + member.packed + after;
    const bool whole = member.readable;
    members_.push_back(std::move(member));
    if (!whole) {
      break;
    }
  }
}

void ZipArchive::index_names(Defects& defects) {
  by_name_.reserve(members_.size());
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (!by_name_.emplace(members_[i].name, i).second) {
      defects.add(DefectKind::contradiction,
                  "two members have this name; which one is read depends on the reader",
                  printable(members_[i].name), members_[i].header_offset);
    }
  }
}

const ZipMember* ZipArchive::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &members_[found->second];
}

std::string ZipArchive::root() const {
  if (members_.empty()) {
    return {};
  }
  const std::string& first = members_.front().name;
  return first.substr(0, first.find('/') == std::string::npos ? 0 : first.find('/') + 1);
}

Read<StorageContent> ZipArchive::read(const ZipMember& member, std::uint64_t most) const {
  if (!member.readable) {
    return problem(DefectKind::malformed, "cannot be read", member.header_offset);
  }
  if (member.unpacked > most) {
    return problem(
        DefectKind::over_limit,
        std::format("has {}; at most {} are read", format_bytes(member.unpacked), format_bytes(most)),
        member.header_offset);
  }
  const Bytes packed = file_.subspan(member.data_offset, member.packed);
  StorageContent content;
  if (!member.deflated()) {
    content.view = packed;
    return content;
  }
  auto unpacked = inflate(packed, member.unpacked);
  if (!unpacked) {
    return std::unexpected(unpacked.error());
  }
  content.owned = std::move(*unpacked);
  content.view = content.owned;
  return content;
}

}  // namespace runup::artifact
