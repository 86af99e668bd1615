// SPDX-License-Identifier: Apache-2.0
#include "probes/archive/zip_reader.h"

#include <algorithm>
#include <array>
#include <format>

#include "artifact/inflate.h"
#include "artifact/zip_records.h"
#include "base/text.h"
#include "probes/archive/zip_fields.h"

namespace runup {

namespace {

constexpr std::uint64_t kLongestTarget = 4095;

constexpr std::uint16_t kStored = 0;
constexpr std::uint16_t kDeflated = 8;
constexpr std::uint16_t kBzip2 = 12;
constexpr std::uint16_t kLzma = 14;
constexpr std::uint16_t kZstd = 93;
constexpr std::uint16_t kXz = 95;

std::string quoted(const artifact::ZipMember& member) { return std::format("`{}`", printable(member.name)); }

std::unexpected<Error> contradiction(const artifact::ZipMember& member, std::string_view what,
                                     const std::string& local, const std::string& central) {
  return damaged(std::format("of {} {} is {} in the local header and {} in the central directory",
                             quoted(member), what, local, central));
}

}  // namespace

Result<std::unique_ptr<ZipReader>> ZipReader::open(Bytes file, std::uint64_t most_entries) {
  std::unique_ptr<ZipReader> reader(new ZipReader(file));
  if (auto read = reader->read_directory(most_entries); !read) {
    return std::unexpected(read.error());
  }
  return reader;
}

Result<void> ZipReader::read_directory(std::uint64_t most_entries) {
  namespace zip = artifact::zip;
  const auto end = zip::find_end_record(file_);
  if (!end) {
    return damaged("the zip's central directory is missing: the end of the file is cut off");
  }
  const auto record = zip::EndRecord::read(file_, *end);
  if (!record) {
    return damaged(record.error().message);
  }
  if (record->directory > *end || record->directory_size > *end - record->directory) {
    return damaged(
        std::format("the zip's central directory is said to be at {} with {} bytes; the file has {}",
                    record->directory, record->directory_size, file_.size()));
  }
  if (record->entries > most_entries) {
    return fail(ErrorCode::limit,
                std::format("{} entries; at most {} are unpacked", record->entries, most_entries));
  }
  const Bytes directory = file_.subspan(record->directory, record->directory_size);
  std::uint64_t at = 0;
  for (std::uint64_t i = 0; i < record->entries; ++i) {
    auto header = zip::read_central_header(directory, at);
    if (!header) {
      return damaged(std::format("entry {} of {} in the zip's central directory: {}", i + 1, record->entries,
                                 header.error().message));
    }
    if (auto checked = check_local(header->member); !checked) {
      return checked;
    }
    members_.push_back(
        {.entry = zip_entry(directory.subspan(at, header->size), header->member), .zip = header->member});
    at += header->size;
  }
  if (at != directory.size()) {
    return damaged(std::format("the zip's central directory has {} bytes; its {} entries take {}",
                               directory.size(), record->entries, at));
  }
  return check_overlaps(record->directory);
}

Result<void> ZipReader::check_local(artifact::ZipMember& member) const {
  namespace zip = artifact::zip;
  const auto local = zip::read_local_header(file_, member.header_offset);
  if (!local) {
    return damaged(std::format("{}: {}", quoted(member), local.error().message));
  }
  const artifact::ZipMember& header = local->member;
  member.data_offset = header.data_offset;
  if (header.name != member.name) {
    return contradiction(member, "the name", quoted(header), quoted(member));
  }
  if (((header.flags | member.flags) & zip::kEncryptionFlags) != 0) {
    return damaged(std::format("{} is encrypted", quoted(member)));
  }
  if (header.method != member.method) {
    return contradiction(member, "the compression method", std::to_string(header.method),
                         std::to_string(member.method));
  }
  // With a data descriptor the local header may leave these at zero.
  const bool deferred = (header.flags & zip::kDescriptorFlag) != 0;
  const auto differs = [&](std::uint64_t here, std::uint64_t there) {
    return here != there && !(deferred && here == 0);
  };
  if (differs(header.crc, member.crc)) {
    return contradiction(member, "the checksum", std::format("{:08x}", header.crc),
                         std::format("{:08x}", member.crc));
  }
  if (differs(header.packed, member.packed) || differs(header.unpacked, member.unpacked)) {
    return contradiction(member, "the size", std::format("{} ({} packed)", header.unpacked, header.packed),
                         std::format("{} ({} packed)", member.unpacked, member.packed));
  }
  if (member.packed > file_.size() - member.data_offset) {
    return damaged(std::format("{} has {} bytes; the file ends after {} of them", quoted(member),
                               member.packed, file_.size() - member.data_offset));
  }
  return {};
}

// Entries that share their bytes make a small file unpack to anything, and are written by no packer.
Result<void> ZipReader::check_overlaps(std::uint64_t directory) const {
  std::vector<const artifact::ZipMember*> order;
  for (const Member& member : members_) {
    order.push_back(&member.zip);
  }
  std::ranges::sort(order, {}, [](const artifact::ZipMember* member) { return member->header_offset; });
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::uint64_t end = order[i]->data_offset + order[i]->packed;
    if (i + 1 < order.size() && end > order[i + 1]->header_offset) {
      return damaged(
          std::format("the bytes of {} are also those of {}", quoted(*order[i]), quoted(*order[i + 1])));
    }
    if (end > directory) {
      return damaged(
          std::format("the bytes of {} reach into the zip's central directory", quoted(*order[i])));
    }
  }
  return {};
}

Result<std::optional<ArchiveEntry>> ZipReader::next() {
  if (at_ == members_.size()) {
    return std::nullopt;
  }
  Member& member = members_[at_++];
  if (member.entry.kind == EntryKind::symbolic_link) {
    if (member.zip.unpacked > kLongestTarget) {
      return damaged(std::format("the symbolic link {} has a target of {} bytes; at most {} are possible",
                                 quoted(member.zip), member.zip.unpacked, kLongestTarget));
    }
    if (auto got = read([&](std::uint64_t, Bytes bytes) -> Result<void> {
          member.entry.target += as_text(bytes);
          return {};
        });
        !got) {
      return std::unexpected(got.error());
    }
    member.entry.bytes = 0;
  }
  return member.entry;
}

Result<std::unique_ptr<ByteSource>> ZipReader::unpack(const artifact::ZipMember& member) {
  const Bytes packed = file_.subspan(member.data_offset, member.packed);
  const std::array<Bytes, 1> whole{packed};
  switch (member.method) {
    case kStored:
      return open_source(whole, Compression::none);
    case kDeflated:
      return open_deflate(packed);
    case kBzip2:
      return open_source(whole, Compression::bzip2);
    case kZstd:
      return open_source(whole, Compression::zstd);
    case kXz:
      return open_source(whole, Compression::xz);
    case kLzma: {
      // Its header is a version, the size of the properties, and those; the file format has the properties and the
      // unpacked size, here: not known, for the stream may have an end mark.
      constexpr std::size_t kZipHeader = 4;
      constexpr std::size_t kProperties = 5;
      if (packed.size() < kZipHeader + kProperties ||
          read_little_endian<std::uint16_t>(packed, 2) != std::uint16_t{kProperties}) {
        return damaged(std::format("the LZMA header of {} is damaged", quoted(member)));
      }
      const Bytes properties = packed.subspan(kZipHeader, kProperties);
      header_.assign(properties.begin(), properties.end());
      const bool end_mark = (member.flags & 2U) != 0;
      for (unsigned i = 0; i < 8; ++i) {
        header_.push_back(end_mark ? std::byte{0xFF} : static_cast<std::byte>(member.unpacked >> (8 * i)));
      }
      const std::array<Bytes, 2> parts{header_, packed.subspan(kZipHeader + kProperties)};
      return open_source(parts, Compression::lzma);
    }
    default:
      return damaged(std::format("{} is packed by method {}, which nobody here knows", quoted(member),
                                 static_cast<unsigned>(member.method)));
  }
}

Result<void> ZipReader::read(const EntrySink& sink) {
  const artifact::ZipMember& member = members_[at_ - 1].zip;
  if (member.unpacked == 0) {
    // libarchive takes an empty stream for a damaged one.
    return member.crc == 0 ? Result<void>{}
                           : damaged(std::format("{} is empty, and its checksum is not", quoted(member)));
  }
  auto source = unpack(member);
  if (!source) {
    return wrap(source.error(), quoted(member));
  }
  std::vector<std::byte> buffer(kBuffer);
  std::uint64_t total = 0;
  std::uint32_t crc = 0;
  while (true) {
    const auto got = (*source)->read(buffer);
    if (!got) {
      return wrap(got.error(), quoted(member));
    }
    if (*got == 0) {
      break;
    }
    const Bytes piece = Bytes(buffer).first(*got);
    if (piece.size() > member.unpacked - total) {
      return damaged(
          std::format("{} unpacks to more than the {} bytes that it says", quoted(member), member.unpacked));
    }
    crc = artifact::crc32_of(piece, crc);
    if (auto taken = sink(total, piece); !taken) {
      return taken;
    }
    total += piece.size();
  }
  if (total != member.unpacked) {
    return damaged(std::format("{} unpacks to {} bytes; it says {}", quoted(member), total, member.unpacked));
  }
  return crc == member.crc ? Result<void>{}
                           : damaged(std::format("{} is damaged: its checksum is {:08x}; expected {:08x}",
                                                 quoted(member), crc, member.crc));
}

}  // namespace runup
