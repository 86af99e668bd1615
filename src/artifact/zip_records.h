// SPDX-License-Identifier: Apache-2.0
#pragma once

// The fixed records of a zip file. Offsets and sizes are checked against the file before anything
// is returned; numbers are little-endian.

#include <optional>
#include <string_view>

#include "artifact/zip.h"

namespace runup::artifact::zip {

inline constexpr std::string_view kLocalHeader{"PK\x03\x04"};
inline constexpr std::string_view kCentralHeader{"PK\x01\x02"};
inline constexpr std::string_view kEndRecord{"PK\x05\x06"};
inline constexpr std::string_view kDescriptor{"PK\x07\x08"};
inline constexpr std::uint64_t kEndRecordSize = 22;
// encrypted, strongly encrypted, masked headers; bit 5 is patched data, which nobody can read either
inline constexpr std::uint16_t kEncryptionFlags = 0x2061;
// sizes and checksum stand behind the data
inline constexpr std::uint16_t kDescriptorFlag = 0x0008;

// Offset of the last end record that fits the file; it lies in the last 64 KiB.
std::optional<std::uint64_t> find_end_record(Bytes file);
// An end record whose own bytes are cut off.
std::optional<std::uint64_t> find_partial_end_record(Bytes file);

// What the end record says, or the zip64 one where there is one.
struct EndRecord {
  std::uint64_t entries = 0;
  std::uint64_t directory = 0;
  std::uint64_t directory_size = 0;
  // bytes between the end of the comment and the end of the file
  std::uint64_t after = 0;
  static Read<EndRecord> read(Bytes file, std::uint64_t offset);
};

struct Header {
  ZipMember member;
  // of the record itself, with name, extra fields and comment
  std::uint64_t size = 0;
};
// At `at` of the central directory. The member's `data_offset` is not known yet.
Read<Header> read_central_header(Bytes directory, std::uint64_t at);
// At `at` of the file, with `data_offset`.
Read<Header> read_local_header(Bytes file, std::uint64_t at);

struct Descriptor {
  std::uint32_t crc = 0;
  std::uint64_t packed = 0;
  std::uint64_t unpacked = 0;
  std::uint64_t size = 0;
};
// The first data descriptor behind `data` whose packed size is its distance from there: what a
// member without sizes in its header ends with, and all that tells its length in a cut-off file.
std::optional<Descriptor> find_descriptor(Bytes file, std::uint64_t data, const PageRelease& pages);

}  // namespace runup::artifact::zip
