// SPDX-License-Identifier: Apache-2.0
#pragma once

// Writes small zip files byte by byte, by PKWARE's APPNOTE.TXT, sound ones and broken ones.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <zlib.h>

namespace runup::test {

template <class T>
std::string little_endian(T value) {
  std::string out;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    out += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
  }
  return out;
}

// What an entry's two headers shall say instead of the truth.
struct ZipLies {
  std::string local_name;
  std::uint32_t local_size = 0;
  std::uint32_t central_size = 0;
  std::uint32_t crc = 0;
  std::uint16_t flags = 0;
  std::uint16_t method = 0;
};

class ZipBuilder {
 public:
  // As PyTorch writes a member: sizes and checksum in a descriptor behind the data.
  ZipBuilder& add_with_descriptor(const std::string& name, const std::string& data) {
    const std::uint32_t crc = crc_of(data);
    begin(name, {}, 0x0808, 0, 0, 0, 0);
    out_ += data;
    out_ += "PK\x07\x08" + little_endian(crc) + size_of(data) + size_of(data);
    remember(name, 0x0808, 0, crc, static_cast<std::uint32_t>(data.size()),
             static_cast<std::uint32_t>(data.size()));
    return *this;
  }

  ZipBuilder& add(const std::string& name, const std::string& data, const ZipLies& lies = {}) {
    return add_packed(name, data, static_cast<std::uint32_t>(data.size()), lies.method, crc_of(data), lies);
  }

  ZipBuilder& add_deflated(const std::string& name, const std::string& data, const ZipLies& lies = {}) {
    return add_packed(name, deflated(data), static_cast<std::uint32_t>(data.size()), 8, crc_of(data), lies);
  }

  // Offset of the next member's local header.
  std::size_t position() const { return out_.size(); }

  std::string finish() const { return finish_with(static_cast<std::uint16_t>(entries_)); }
  std::string finish_with(std::uint16_t count) const {
    return out_ + directory_ + "PK\x05\x06" + little_endian<std::uint32_t>(0) + little_endian(count) +
           little_endian(count) + size_of(directory_) + size_of(out_) + little_endian<std::uint16_t>(0);
  }
  // The end record leaves everything to the zip64 one.
  std::string finish_zip64() const {
    const std::string start = out_ + directory_;
    return start + "PK\x06\x06" + little_endian<std::uint64_t>(44) + little_endian<std::uint16_t>(45) +
           little_endian<std::uint16_t>(45) + little_endian<std::uint64_t>(0) +
           little_endian<std::uint64_t>(entries_) + little_endian<std::uint64_t>(entries_) +
           little_endian<std::uint64_t>(directory_.size()) + little_endian<std::uint64_t>(out_.size()) +
           "PK\x06\x07" + little_endian<std::uint32_t>(0) + little_endian<std::uint64_t>(start.size()) +
           little_endian<std::uint32_t>(1) + "PK\x05\x06" + little_endian<std::uint32_t>(0) +
           little_endian<std::uint16_t>(0xFFFF) + little_endian<std::uint16_t>(0xFFFF) +
           little_endian<std::uint32_t>(0xFFFFFFFF) + little_endian<std::uint32_t>(0xFFFFFFFF) +
           little_endian<std::uint16_t>(0);
  }

 private:
  static std::uint32_t crc_of(const std::string& data) {
    return static_cast<std::uint32_t>(
        ::crc32(0, reinterpret_cast<const Bytef*>(data.data()), static_cast<uInt>(data.size())));
  }
  static std::string size_of(const std::string& data) {
    return little_endian(static_cast<std::uint32_t>(data.size()));
  }

  static std::string deflated(const std::string& data) {
    z_stream stream{};
    ::deflateInit2(&stream, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
    std::string out(::deflateBound(&stream, static_cast<uLong>(data.size())), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
    stream.avail_in = static_cast<uInt>(data.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    ::deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    ::deflateEnd(&stream);
    return out;
  }

  void begin(const std::string& name, const std::string& local_name, std::uint16_t flags,
             std::uint16_t method, std::uint32_t crc, std::uint32_t packed, std::uint32_t unpacked) {
    header_ = static_cast<std::uint32_t>(out_.size());
    const std::string& written = local_name.empty() ? name : local_name;
    out_ += "PK\x03\x04" + little_endian<std::uint16_t>(20) + little_endian(flags) + little_endian(method) +
            little_endian<std::uint32_t>(0) + little_endian(crc) + little_endian(packed) +
            little_endian(unpacked) + little_endian(static_cast<std::uint16_t>(written.size())) +
            little_endian<std::uint16_t>(0) + written;
  }

  void remember(const std::string& name, std::uint16_t flags, std::uint16_t method, std::uint32_t crc,
                std::uint32_t packed, std::uint32_t unpacked) {
    ++entries_;
    directory_ += "PK\x01\x02" + little_endian<std::uint16_t>(20) + little_endian<std::uint16_t>(20) +
                  little_endian(flags) + little_endian(method) + little_endian<std::uint32_t>(0) +
                  little_endian(crc) + little_endian(packed) + little_endian(unpacked) +
                  little_endian(static_cast<std::uint16_t>(name.size())) + std::string(12, '\0') +
                  little_endian(header_) + name;
  }

  ZipBuilder& add_packed(const std::string& name, const std::string& packed, std::uint32_t unpacked,
                         std::uint16_t method, std::uint32_t crc, const ZipLies& lies) {
    const auto size = static_cast<std::uint32_t>(packed.size());
    crc = lies.crc != 0 ? lies.crc : crc;
    begin(name, lies.local_name, lies.flags, method, crc, size,
          lies.local_size != 0 ? lies.local_size : unpacked);
    out_ += packed;
    remember(name, lies.flags, method, crc, size, lies.central_size != 0 ? lies.central_size : unpacked);
    return *this;
  }

  std::string out_;
  std::string directory_;
  std::size_t entries_ = 0;
  std::uint32_t header_ = 0;
};

}  // namespace runup::test
