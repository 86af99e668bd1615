// SPDX-License-Identifier: Apache-2.0
#pragma once

// Zip archives, read the way libtorch (its miniz) reads them: by the central directory, with the
// place of the data taken from the local header. Wherever the two disagree, a reader of another
// make would see another file, so every disagreement is a defect.
// Source of the rules: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 to 4.5.

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "artifact/defects.h"
#include "artifact/pages.h"
#include "artifact/reader.h"

namespace runup::artifact {

struct ZipMember {
  std::string name;
  std::uint64_t header_offset = 0;
  std::uint64_t data_offset = 0;
  std::uint64_t packed = 0;
  std::uint64_t unpacked = 0;
  std::uint32_t crc = 0;
  std::uint16_t method = 0;
  std::uint16_t flags = 0;
  // its data lies inside the file and can be unpacked by a method that is known
  bool readable = false;

  bool deflated() const { return method == 8; }
};

class ZipArchive {
 public:
  // Signature of a local header at the start, or an end record whose directory is where it says.
  static bool looks_like_zip(Bytes file);
  // The end of the file is that of a zip, whose start may be gone.
  static bool ends_like_zip(Bytes file);
  // What is wrong goes to `defects`. A file without its directory is walked by its local headers.
  static ZipArchive open(Bytes file, Defects& defects, const PageRelease& pages);

  const std::vector<ZipMember>& members() const { return members_; }
  // Exact name; null when there is none. Of several with one name, the first.
  const ZipMember* find(std::string_view name) const;
  // The name's part before the first slash of the first member, with the slash: `archive/`. That is
  // where libtorch looks for its records. Empty when there is no slash.
  std::string root() const;

  // The end of the file is missing: there is no directory, and the last member may be cut off.
  bool truncated() const { return truncated_; }

  // The member's bytes: a view for stored ones, a copy for deflated ones. ErrorCode::limit when it
  // says that it unpacks to more than `most`.
  Read<StorageContent> read(const ZipMember& member, std::uint64_t most) const;

 private:
  explicit ZipArchive(Bytes file) : file_(file) {}

  bool read_directory(std::uint64_t end_record, Defects& defects);
  void read_entries(std::uint64_t start, std::uint64_t size, std::uint64_t count, Defects& defects);
  void check_local_header(ZipMember& member, Defects& defects);
  void check_overlaps(std::uint64_t directory, Defects& defects);
  void walk_local_headers(Defects& defects, const PageRelease& pages);
  void index_names(Defects& defects);

  Bytes file_;
  std::vector<ZipMember> members_;
  std::unordered_map<std::string_view, std::size_t> by_name_;
  bool truncated_ = false;
};

}  // namespace runup::artifact
