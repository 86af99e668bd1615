// SPDX-License-Identifier: Apache-2.0
#pragma once

// Unpacks a package that is one file. The archive is hostile: what it asks to be written is bounded, and nothing of
// it leaves the folder.
//
// libarchive unpacks xz, zstd and bzip2. It does not read the names: in the locale C, which a static executable
// has, 3.7 gives no name for a UTF-8 entry of a zip; in a UTF-8 locale it makes NFC of NFD, which is another file
// to the service. It does not look at gzip's checksum either, so that zlib reads that.

#include <cstdint>

#include "facts/package.h"
#include "probes/protocol/channel.h"

namespace runup {

struct UnpackBounds {
  // of all files together, holes included
  std::uint64_t bytes = std::uint64_t{64} << 30U;
  // More than `small_bytes` is only unpacked when the archive is not smaller by more than `ratio`. Weights hardly
  // shrink; models of zeros, as tests have them, are below 4 GiB.
  std::uint64_t small_bytes = std::uint64_t{4} << 30U;
  std::uint64_t ratio = 200;
  std::uint64_t entries = PackageFacts::kMaxCountedFiles;
  // folders inside each other; as deep as the package probe looks
  std::size_t depth = 100;
  // stays free on the disk
  std::uint64_t reserve = std::uint64_t{64} << 20U;
};

// `fd` is the archive. What is wrong with it is in the facts. An error says that the host is in the way: no room,
// no right to write.
Result<ArchiveFacts> unpack_archive(int fd, const ArchiveRequest& request, const UnpackBounds& bounds = {});

}  // namespace runup
