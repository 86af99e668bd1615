// SPDX-License-Identifier: Apache-2.0
#pragma once

// Zip by its central directory, with the rules of artifact/zip.h: where the local header says something else, the
// archive is refused, since another reader would unpack other files. Names are UTF-8 where flag 11 or Info-ZIP's
// field 0x7075 says so, and otherwise the bytes that they are. Source of the rules: PKWARE's APPNOTE.TXT 6.3.10;
// Info-ZIP's `extrafld.txt`.

#include <cstdint>
#include <memory>
#include <vector>

#include "artifact/zip.h"
#include "probes/archive/byte_source.h"
#include "probes/archive/entry.h"

namespace runup {

class ZipReader final : public EntryReader {
 public:
  // `file` must outlive the reader.
  static bool looks_like_zip(Bytes file) { return artifact::ZipArchive::looks_like_zip(file); }
  static Result<std::unique_ptr<ZipReader>> open(Bytes file, std::uint64_t most_entries);

  Result<std::optional<ArchiveEntry>> next() override;
  Result<void> read(const EntrySink& sink) override;

 private:
  struct Member {
    ArchiveEntry entry;
    artifact::ZipMember zip;
  };

  explicit ZipReader(Bytes file) : file_(file) {}
  Result<void> read_directory(std::uint64_t most_entries);
  Result<void> check_local(artifact::ZipMember& member) const;
  Result<void> check_overlaps(std::uint64_t directory) const;
  Result<std::unique_ptr<ByteSource>> unpack(const artifact::ZipMember& member);

  Bytes file_;
  std::vector<Member> members_;
  // the next one; that of read() is before it
  std::size_t at_ = 0;
  std::vector<std::byte> header_;
};

}  // namespace runup
