// SPDX-License-Identifier: Apache-2.0
#pragma once

// Tar as POSIX.1-2001 (ustar, pax), GNU tar and the seventh edition of Unix write it: long names, large numbers,
// sparse files of GNU tar (its own header, and pax 0.0, 0.1, 1.0). Source of the rules: POSIX.1-2017, `pax`;
// GNU tar's manual, "Basic Tar Format" and "Storing Sparse Files".

#include <array>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "probes/archive/byte_source.h"
#include "probes/archive/entry.h"
#include "probes/archive/tar_numbers.h"

namespace runup {

class TarReader final : public EntryReader {
 public:
  explicit TarReader(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}

  Result<std::optional<ArchiveEntry>> next() override;
  Result<void> read(const EntrySink& sink) override;

 private:
  using Block = std::array<std::byte, kTarBlock>;
  // What a file really has; between the parts there are zeros.
  struct Part {
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
  };
  // What the headers before an entry's own say of it.
  struct Said {
    // Empty: the entry's own counts.
    std::string name;
    std::string target;
    std::map<std::string, std::string, std::less<>> pax;
    // pax 0.0, where one key comes many times
    std::vector<std::uint64_t> sparse_numbers;
  };

  // False at the end of the stream.
  Result<bool> read_block(Block& block);
  Result<void> read_exactly(std::span<std::byte> out);
  Result<void> skip(std::uint64_t bytes);
  Result<void> finish_entry();
  Result<void> drain();

  Result<std::string> read_text(std::uint64_t size);
  Result<void> read_pax(std::uint64_t size, Said& said, bool global);
  // Whether the block is about the next entry, and was taken.
  Result<bool> take_extension(const Block& block, char type, std::uint64_t size, Said& said);
  Result<ArchiveEntry> make_entry(const Block& block, char type, std::uint64_t size, const Said& said);
  Result<void> set_from_pax(const Said& said, ArchiveEntry& entry);
  Result<void> set_sparse_from_header(const Block& block, ArchiveEntry& entry);
  Result<void> set_sparse_from_pax(const Said& said, ArchiveEntry& entry);
  Result<std::vector<std::uint64_t>> read_sparse_map();
  Result<void> set_parts(const std::vector<std::uint64_t>& numbers, std::uint64_t bytes, ArchiveEntry& entry);

  std::unique_ptr<ByteSource> source_;
  std::map<std::string, std::string, std::less<>> global_;
  // of the entry that next() gave: bytes in the archive that were not read, and zeros behind them
  std::uint64_t left_ = 0;
  std::uint64_t padding_ = 0;
  std::vector<Part> parts_;
  std::string last_name_;
  bool started_ = false;
  bool ended_ = false;
};

}  // namespace runup
