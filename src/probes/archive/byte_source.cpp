// SPDX-License-Identifier: Apache-2.0
#include "probes/archive/byte_source.h"

#include <archive.h>
#include <archive_entry.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <format>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"

namespace runup {

namespace {

constexpr std::size_t kBlock = std::size_t{128} * 1024;
constexpr int kGzipWindow = MAX_WBITS + 16;

// The packed bytes.
class Packed {
 public:
  Packed() = default;
  Packed(const Packed&) = delete;
  Packed& operator=(const Packed&) = delete;
  virtual ~Packed() = default;
  // Empty at the end. Valid until the next call.
  virtual Result<Bytes> next() = 0;
};

class PackedFile final : public Packed {
 public:
  explicit PackedFile(int fd) : fd_(fd), block_(kBlock) {}
  Result<Bytes> next() override {
    while (true) {
      const ssize_t got = ::pread(fd_, block_.data(), block_.size(), at_);
      if (got < 0 && errno == EINTR) {
        continue;
      }
      if (got < 0) {
        return std::unexpected(system_error("cannot read the archive", errno));
      }
      at_ += got;
      return Bytes(block_).first(static_cast<std::size_t>(got));
    }
  }

 private:
  int fd_;
  off_t at_ = 0;
  std::vector<std::byte> block_;
};

class PackedMemory final : public Packed {
 public:
  explicit PackedMemory(std::span<const Bytes> parts) : parts_(parts.begin(), parts.end()) {}
  Result<Bytes> next() override {
    while (next_ < parts_.size()) {
      if (const Bytes part = parts_[next_++]; !part.empty()) {
        return part;
      }
    }
    return Bytes{};
  }

 private:
  std::vector<Bytes> parts_;
  std::size_t next_ = 0;
};

class PlainSource final : public ByteSource {
 public:
  explicit PlainSource(std::unique_ptr<Packed> packed) : packed_(std::move(packed)) {}
  Result<std::size_t> read(std::span<std::byte> out) override {
    if (left_.empty()) {
      auto next = packed_->next();
      if (!next) {
        return std::unexpected(next.error());
      }
      left_ = *next;
    }
    const std::size_t size = std::min(out.size(), left_.size());
    std::ranges::copy(left_.first(size), out.begin());
    left_ = left_.subspan(size);
    return size;
  }

 private:
  std::unique_ptr<Packed> packed_;
  Bytes left_;
};

// gzip, of any number of members, or raw deflate.
class ZlibSource final : public ByteSource {
 public:
  ZlibSource(std::unique_ptr<Packed> packed, int window)
      : packed_(std::move(packed)),
        name_(window > 0 ? "gzip" : "deflate"),
        members_(window > 0),
        ready_(::inflateInit2(&stream_, window) == Z_OK) {}
  ZlibSource(const ZlibSource&) = delete;
  ZlibSource& operator=(const ZlibSource&) = delete;
  ~ZlibSource() override {
    if (ready_) {
      ::inflateEnd(&stream_);
    }
  }

  Result<std::size_t> read(std::span<std::byte> out) override {
    if (!ready_) {
      return fail(ErrorCode::system, "no memory to unpack");
    }
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(std::min(out.size(), kBlock));
    const uInt wanted = stream_.avail_out;
    while (!ended_ && stream_.avail_out == wanted) {
      if (auto filled = fill(); !filled) {
        return std::unexpected(filled.error());
      }
      // Without input there may still be output.
      const int status = ::inflate(&stream_, Z_NO_FLUSH);
      if (status == Z_BUF_ERROR && stream_.avail_in == 0) {
        return cut_off();
      }
      if (status == Z_STREAM_END) {
        if (auto next = next_member(); !next) {
          return std::unexpected(next.error());
        }
      } else if (status != Z_OK) {
        return fail(ErrorCode::bad_input,
                    std::format("the {} stream is damaged after {} bytes: {}", name_, total_,
                                stream_.msg == nullptr ? "no valid data" : stream_.msg));
      }
    }
    const std::size_t got = wanted - stream_.avail_out;
    total_ += got;
    return got;
  }

 private:
  std::unexpected<Error> cut_off() const {
    return fail(ErrorCode::bad_input, std::format("the {} stream is cut off after {} bytes", name_, total_));
  }

  Result<void> fill() {
    if (stream_.avail_in == 0) {
      if (left_.empty()) {
        auto next = packed_->next();
        if (!next) {
          return std::unexpected(next.error());
        }
        left_ = *next;
      }
      // zlib counts in `unsigned int`, and takes its input without `const`
      const std::size_t size = std::min(left_.size(), std::size_t{1} << 30U);
      stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(left_.data()));
      stream_.avail_in = static_cast<uInt>(size);
      left_ = left_.subspan(size);
    }
    return {};
  }

  // Zeros behind a member are padding, as of tapes; anything else starts another member.
  Result<void> next_member() {
    ended_ = !members_;
    while (!ended_) {
      if (auto filled = fill(); !filled) {
        return filled;
      }
      if (stream_.avail_in == 0) {
        ended_ = true;
      } else if (*stream_.next_in != 0) {
        break;
      } else {
        ++stream_.next_in;
        --stream_.avail_in;
      }
    }
    if (!ended_) {
      ::inflateReset(&stream_);
    }
    return {};
  }

  std::unique_ptr<Packed> packed_;
  std::string_view name_;
  bool members_;
  z_stream stream_{};
  bool ready_;
  Bytes left_;
  std::uint64_t total_ = 0;
  bool ended_ = false;
};

class LibarchiveSource final : public ByteSource {
 public:
  LibarchiveSource(std::unique_ptr<Packed> packed, Compression compression)
      : packed_(std::move(packed)), compression_(compression), archive_(::archive_read_new()) {}
  LibarchiveSource(const LibarchiveSource&) = delete;
  LibarchiveSource& operator=(const LibarchiveSource&) = delete;
  ~LibarchiveSource() override { ::archive_read_free(archive_); }

  Result<void> open() {
    int status = archive_ == nullptr ? ARCHIVE_FATAL : ::archive_read_support_format_raw(archive_);
    if (status == ARCHIVE_OK) {
      status = add_filter();
    }
    if (status == ARCHIVE_OK) {
      status = ::archive_read_open(archive_, this, nullptr, read_packed, nullptr);
    }
    archive_entry* entry = nullptr;
    if (status == ARCHIVE_OK) {
      status = ::archive_read_next_header(archive_, &entry);
    }
    // The second is "none", which reads the file.
    return status == ARCHIVE_OK && ::archive_filter_count(archive_) == 2 ? Result<void>{} : failed();
  }

  Result<std::size_t> read(std::span<std::byte> out) override {
    const la_ssize_t got = ::archive_read_data(archive_, out.data(), out.size());
    if (got < 0) {
      return failed();
    }
    total_ += static_cast<std::uint64_t>(got);
    return static_cast<std::size_t>(got);
  }

 private:
  int add_filter() {
    switch (compression_) {
      case Compression::bzip2:
        return ::archive_read_support_filter_bzip2(archive_);
      case Compression::xz:
        return ::archive_read_support_filter_xz(archive_);
      case Compression::lzma:
        return ::archive_read_support_filter_lzma(archive_);
      case Compression::zstd:
        return ::archive_read_support_filter_zstd(archive_);
      case Compression::none:
      case Compression::gzip:
        break;
    }
    return ARCHIVE_FATAL;
  }

  static la_ssize_t read_packed(archive* reader, void* self, const void** buffer) {
    auto* source = static_cast<LibarchiveSource*>(self);
    auto next = source->packed_->next();
    if (!next) {
      source->error_ = next.error();
      ::archive_set_error(reader, EIO, "the archive cannot be read");
      return -1;
    }
    *buffer = next->data();
    return static_cast<la_ssize_t>(next->size());
  }

  std::unexpected<Error> failed() const {
    if (error_) {
      return std::unexpected(*error_);
    }
    const char* words = archive_ == nullptr ? nullptr : ::archive_error_string(archive_);
    return fail(ErrorCode::bad_input, std::format("the {} stream is damaged or cut off after {} bytes: {}",
                                                  compression_name(compression_), total_,
                                                  words == nullptr ? "no valid data" : printable(words)));
  }

  std::unique_ptr<Packed> packed_;
  Compression compression_;
  archive* archive_;
  std::optional<Error> error_;
  std::uint64_t total_ = 0;
};

Result<std::unique_ptr<ByteSource>> make_source(std::unique_ptr<Packed> packed, Compression compression) {
  if (compression == Compression::none) {
    return std::make_unique<PlainSource>(std::move(packed));
  }
  if (compression == Compression::gzip) {
    return std::make_unique<ZlibSource>(std::move(packed), kGzipWindow);
  }
  auto source = std::make_unique<LibarchiveSource>(std::move(packed), compression);
  if (auto opened = source->open(); !opened) {
    return std::unexpected(opened.error());
  }
  return source;
}

}  // namespace

std::string_view compression_name(Compression compression) {
  switch (compression) {
    case Compression::none:
      break;
    case Compression::gzip:
      return "gzip";
    case Compression::bzip2:
      return "bzip2";
    case Compression::xz:
      return "xz";
    case Compression::zstd:
      return "zstd";
    case Compression::lzma:
      return "lzma";
  }
  return "";
}

Compression find_compression(Bytes start) {
  using namespace std::string_view_literals;
  constexpr std::array<std::pair<std::string_view, Compression>, 4> kMarks{
      {{"\x1f\x8b"sv, Compression::gzip},
       {"BZh"sv, Compression::bzip2},
       {"\xfd"
        "7zXZ\0"sv,
        Compression::xz},
       {"\x28\xb5\x2f\xfd"sv, Compression::zstd}}};
  const std::string_view text = as_text(start);
  for (const auto& [mark, compression] : kMarks) {
    if (text.starts_with(mark)) {
      return compression;
    }
  }
  // a skippable frame, as `zstd --seekable` and `pzstd` write first
  return text.size() >= 4 && text.substr(1, 3) == "\x2a\x4d\x18" && (text[0] & '\xf0') == '\x50'
             ? Compression::zstd
             : Compression::none;
}

Result<std::unique_ptr<ByteSource>> open_source(int fd, Compression compression) {
  return make_source(std::make_unique<PackedFile>(fd), compression);
}

Result<std::unique_ptr<ByteSource>> open_source(std::span<const Bytes> parts, Compression compression) {
  return make_source(std::make_unique<PackedMemory>(parts), compression);
}

std::unique_ptr<ByteSource> open_deflate(Bytes packed) {
  return std::make_unique<ZlibSource>(std::make_unique<PackedMemory>(std::span(&packed, 1)), -MAX_WBITS);
}

}  // namespace runup
