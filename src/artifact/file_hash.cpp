// SPDX-License-Identifier: Apache-2.0
#include "artifact/file_hash.h"

#include <algorithm>
#include <array>
#include <format>

#include "artifact/fact_lists.h"
#include "artifact/inflate.h"
#include "base/sha256.h"
#include "base/text.h"

namespace runup::artifact {

namespace {

// Fits the caches, and is large enough to let its pages go in few calls.
constexpr std::uint64_t kHashedPiece = std::uint64_t{1} << 20U;
constexpr std::uint64_t kMostHashed = std::uint64_t{4} << 30U;

void compare(const ZipMember& member, std::uint32_t crc, Defects& defects) {
  if (crc != member.crc) {
    defects.add(DefectKind::corrupt,
                std::format("the content's checksum is {:08x}; the directory says {:08x}", crc, member.crc),
                printable(member.name), member.data_offset);
  }
}

// The checksums of stored members, fed with the file from its start to its end.
class StoredChecksums {
 public:
  StoredChecksums(const ZipArchive* zip, Defects& defects) : defects_(defects) {
    if (zip == nullptr) {
      return;
    }
    for (const ZipMember& member : zip->members()) {
      if (member.readable && !member.deflated()) {
        members_.push_back(&member);
      }
    }
    std::ranges::sort(members_, {}, &ZipMember::data_offset);
  }

  void add(std::uint64_t at, Bytes piece) {
    while (next_ < members_.size()) {
      const ZipMember& member = *members_[next_];
      if (member.data_offset < done_) {
        ++next_;
        continue;
      }
      const std::uint64_t end = member.data_offset + member.packed;
      const std::uint64_t from = std::max(at, member.data_offset);
      const std::uint64_t to = std::min(at + piece.size(), end);
      if (from < to) {
        crc_ = crc32_of(piece.subspan(from - at, to - from), crc_);
      }
      if (end > at + piece.size()) {
        return;
      }
      compare(member, crc_, defects_);
      crc_ = 0;
      done_ = end;
      ++next_;
    }
  }

 private:
  Defects& defects_;
  std::vector<const ZipMember*> members_;
  std::size_t next_ = 0;
  std::uint64_t done_ = 0;
  std::uint32_t crc_ = 0;
};

}  // namespace

std::string hash_file(Bytes file, const ZipArchive* zip, const PageRelease& pages, Defects& defects) {
  Sha256 sha;
  StoredChecksums checksums(zip, defects);
  for (std::uint64_t at = 0; at < file.size(); at += kHashedPiece) {
    const Bytes piece = file.subspan(at, std::min(kHashedPiece, file.size() - at));
    sha.add(piece);
    checksums.add(at, piece);
    pages.drop(piece);
  }
  return sha.hex();
}

void check_deflated(Bytes file, const ZipArchive& zip, ArtifactFacts& facts, Defects& defects) {
  std::uint64_t total = 0;
  for (const ZipMember& member : zip.members()) {
    if (!member.readable || !member.deflated()) {
      continue;
    }
    if (member.unpacked > kMostHashed - total) {
      note_cut(facts, "checksums of deflated members beyond 4 GiB");
      continue;
    }
    total += member.unpacked;
    const auto crc = inflated_crc32(file.subspan(member.data_offset, member.packed), member.unpacked);
    if (!crc) {
      Problem why = crc.error();
      why.offset = member.data_offset;
      defects.add(std::move(why), printable(member.name));
    } else {
      compare(member, *crc, defects);
    }
  }
}

}  // namespace runup::artifact
