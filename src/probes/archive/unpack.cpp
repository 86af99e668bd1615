// SPDX-License-Identifier: Apache-2.0
#include "probes/archive/unpack.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <format>
#include <memory>
#include <set>
#include <utility>

#include "base/duration.h"
#include "base/text.h"
#include "probes/archive/byte_source.h"
#include "probes/archive/entry_path.h"
#include "probes/archive/folder_writer.h"
#include "probes/archive/tar_reader.h"
#include "probes/archive/zip_reader.h"

namespace runup {

namespace {

constexpr std::size_t kMostDefects = 100;
constexpr std::size_t kMostPath = 4095;

// One archive, mapped as far as it must be.
struct Opened {
  std::optional<MappedFile> mapped;
  std::unique_ptr<EntryReader> reader;
  std::string format;
};

bool is_tar_start(Bytes start) {
  return start.size() == kTarBlock &&
         (has_tar_checksum(start) ||
          std::ranges::all_of(start, [](std::byte byte) { return byte == std::byte{0}; }));
}

Result<Opened> open_zip(int fd, const std::string& path, const UnpackBounds& bounds, Opened opened) {
  auto mapped = MappedFile::from_descriptor(fd);
  if (!mapped) {
    return std::unexpected(
        Error{.code = ErrorCode::system, .message = mapped.error().describe(), .cause = {}});
  }
  opened.mapped = std::move(*mapped);
  if (!ZipReader::looks_like_zip(opened.mapped->bytes())) {
    return fail(ErrorCode::bad_input, "this is no archive");
  }
  opened.format = path.ends_with(".whl") ? "wheel" : "zip";
  auto reader = ZipReader::open(opened.mapped->bytes(), bounds.entries);
  if (!reader) {
    return std::unexpected(reader.error());
  }
  opened.reader = std::move(*reader);
  return opened;
}

// What it is decides, not its name. `format` is filled in as far as it is known when that fails.
Result<Opened> open_archive(int fd, const std::string& path, const UnpackBounds& bounds,
                            std::string& format) {
  std::array<std::byte, kTarBlock> start{};
  const ssize_t got = ::pread(fd, start.data(), start.size(), 0);
  if (got < 0) {
    return std::unexpected(system_error("cannot read the archive", errno));
  }
  if (got == 0) {
    return fail(ErrorCode::bad_input, "the file is empty (0 bytes)");
  }
  const Bytes bytes = Bytes(start).first(static_cast<std::size_t>(got));
  const bool plain = is_tar_start(bytes);
  const Compression compression = plain ? Compression::none : find_compression(bytes);
  if (compression == Compression::none && !plain) {
    auto opened = open_zip(fd, path, bounds, {});
    format = opened ? opened->format : as_text(bytes).starts_with("PK") ? "zip" : "";
    return opened;
  }
  format = compression == Compression::none ? "tar" : std::format("tar ({})", compression_name(compression));
  auto source = open_source(fd, compression);
  if (!source) {
    return std::unexpected(source.error());
  }
  return Opened{.mapped = {}, .reader = std::make_unique<TarReader>(std::move(*source)), .format = format};
}

class Unpacker {
 public:
  Unpacker(ArchiveFacts& facts, const ArchiveRequest& request, const UnpackBounds& bounds,
           FolderWriter& writer)
      : facts_(facts), request_(request), bounds_(bounds), writer_(writer) {}

  // An error is the host's.
  Result<void> run(EntryReader& reader) {
    while (true) {
      auto entry = reader.next();
      if (!entry) {
        return judge(entry.error(), "");
      }
      if (!*entry) {
        break;
      }
      if (facts_.entries >= bounds_.entries) {
        too_large("", std::format("more than {} entries", bounds_.entries));
        return {};
      }
      ++facts_.entries;
      if (auto taken = take(**entry, reader); !taken) {
        return judge(taken.error(), (*entry)->name);
      }
      if (stopped_) {
        return {};
      }
    }
    if (facts_.entries == 0) {
      add({.kind = ArchiveDefectKind::unreadable, .entry = {}, .detail = "it has no entries"});
      return {};
    }
    if (auto finished = finish(); !finished) {
      return judge(finished.error(), "");
    }
    return {};
  }

  void add(ArchiveDefectFacts defect) {
    ++facts_.defect_count;
    spoilt_ = spoilt_ || (defect.kind != ArchiveDefectKind::duplicate &&
                          defect.kind != ArchiveDefectKind::undecodable_name);
    if (facts_.defects.size() < kMostDefects) {
      facts_.defects.push_back(std::move(defect));
    }
  }

  // What stopped the reading, as a defect; an error is the host's.
  Result<void> judge(const Error& error, const std::string& entry) {
    stopped_ = true;
    if (error.code == ErrorCode::limit) {
      too_large(entry, error.describe());
      return {};
    }
    if (error.code == ErrorCode::bad_input || error.code == ErrorCode::unsupported) {
      add({.kind = ArchiveDefectKind::unreadable, .entry = entry, .detail = error.describe()});
      return {};
    }
    return std::unexpected(error);
  }

 private:
  void too_large(const std::string& entry, std::string detail) {
    stopped_ = true;
    add({.kind = ArchiveDefectKind::too_large, .entry = entry, .detail = std::move(detail)});
  }

  Result<void> take(const ArchiveEntry& entry, EntryReader& reader) {
    auto named = entry_path(entry.name, kMostPath - request_.folder.size() - 1, bounds_.depth);
    if (!named) {
      add(named.error());
      return {};
    }
    if (!is_valid_utf8(entry.name)) {
      add({.kind = ArchiveDefectKind::undecodable_name,
           .entry = entry.name,
           .detail = "is no UTF-8, and the archive does not say what it is"});
    }
    if (!named->empty()) {
      tops_.insert(named->front());
    }
    const auto path = links_.resolve(*named);
    if (!path) {
      add({.kind = ArchiveDefectKind::escape,
           .entry = entry.name,
           .detail = "lies below a symbolic link of the archive that leads out of it"});
      return {};
    }
    const auto replaced = write(*path, entry, reader);
    if (!replaced) {
      return std::unexpected(replaced.error());
    }
    if (*replaced) {
      add({.kind = ArchiveDefectKind::duplicate, .entry = entry.name, .detail = "is in it more than once"});
    }
    return {};
  }

  // Whether something was there before.
  Result<bool> write(const EntryPath& path, const ArchiveEntry& entry, EntryReader& reader) {
    const bool was_link = entry.kind != EntryKind::special && links_.erase(path);
    Result<bool> replaced = false;
    switch (entry.kind) {
      case EntryKind::folder:
        replaced = writer_.folder(path, entry);
        break;
      case EntryKind::file:
        replaced = claim(entry) ? writer_.file(path, entry, reader) : Result<bool>(false);
        break;
      case EntryKind::symbolic_link:
        replaced = symbolic_link(path, entry);
        break;
      case EntryKind::hard_link:
        replaced = hard_link(path, entry);
        break;
      case EntryKind::special:
        add({.kind = ArchiveDefectKind::special_file,
             .entry = entry.name,
             .detail = std::format("is {}", entry.special)});
        break;
    }
    return replaced ? Result<bool>(*replaced || was_link) : replaced;
  }

  // Counts the bytes of a file before any is written; false when they are too many.
  bool claim(const ArchiveEntry& entry) {
    const std::uint64_t by_ratio =
        facts_.bytes > bounds_.bytes / bounds_.ratio ? bounds_.bytes : facts_.bytes * bounds_.ratio;
    const std::uint64_t most = std::min(bounds_.bytes, std::max(bounds_.small_bytes, by_ratio));
    if (entry.bytes <= most && facts_.unpacked_bytes <= most - entry.bytes) {
      facts_.unpacked_bytes += entry.bytes;
      return true;
    }
    const bool absolute = most == bounds_.bytes;
    too_large(entry.name, std::format("with its {} more than {} would be unpacked{}",
                                      format_bytes(entry.bytes), format_bytes(most),
                                      absolute ? "" : std::format(" from {}", format_bytes(facts_.bytes))));
    return false;
  }

  Result<bool> symbolic_link(const EntryPath& path, const ArchiveEntry& entry) {
    if (entry.target.empty() || entry.target.contains('\0')) {
      return fail(ErrorCode::bad_input,
                  std::format("`{}` is a symbolic link to nothing", printable(entry.name)));
    }
    auto removed = writer_.remove(path);
    if (removed) {
      links_.set(path, entry.target);
    }
    return removed;
  }

  Result<bool> hard_link(const EntryPath& path, const ArchiveEntry& entry) {
    const auto target = entry_path(entry.target, kMostPath, bounds_.depth);
    const auto resolved = target ? links_.resolve(*target) : std::nullopt;
    if (!resolved || resolved->empty()) {
      add({.kind = ArchiveDefectKind::link_outside,
           .entry = entry.name,
           .detail = std::format("is a hard link to `{}`", printable(entry.target))});
      return false;
    }
    if (const auto link = links_.all().find(text_of(*resolved)); link != links_.all().end()) {
      return symbolic_link(path,
                           {.name = entry.name, .kind = EntryKind::symbolic_link, .target = link->second});
    }
    return writer_.hard_link(path, *resolved);
  }

  Result<void> finish() {
    std::map<std::string, std::string> inside;
    for (const auto& [name, target] : links_.all()) {
      if (links_.destination(split(name, '/'), target)) {
        inside.emplace(name, target);
      } else {
        add({.kind = ArchiveDefectKind::link_outside,
             .entry = name,
             .detail = std::format("is a symbolic link to `{}`", printable(target))});
      }
    }
    if (auto finished = writer_.finish(inside); !finished) {
      return finished;
    }
    facts_.whole = !spoilt_;
    find_top_folder();
    return {};
  }

  // Everything lies in one folder, and what the config names is there and not beside it.
  void find_top_folder() {
    if (tops_.size() != 1 || !writer_.is_folder({*tops_.begin()})) {
      return;
    }
    const std::string top = *tops_.begin() + "/";
    const auto has = [&](const std::string& path) { return writer_.exists(path); };
    if (std::ranges::none_of(request_.wanted, has) &&
        std::ranges::any_of(request_.wanted, [&](const std::string& path) { return has(top + path); })) {
      facts_.top_folder = top;
    }
  }

  ArchiveFacts& facts_;
  const ArchiveRequest& request_;
  const UnpackBounds& bounds_;
  FolderWriter& writer_;
  LinkTable links_;
  // the first parts of all names
  std::set<std::string> tops_;
  bool spoilt_ = false;
  bool stopped_ = false;
};

}  // namespace

Result<ArchiveFacts> unpack_archive(int fd, const ArchiveRequest& request, const UnpackBounds& bounds) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) {
    return std::unexpected(system_error("cannot look at the archive", errno));
  }
  auto writer = FolderWriter::open(request.folder, bounds.reserve, bounds.entries);
  if (!writer) {
    return std::unexpected(writer.error());
  }
  if (auto room = writer->require_room("the archive", static_cast<std::uint64_t>(status.st_size)); !room) {
    return std::unexpected(room.error());
  }
  ArchiveFacts facts{.path = request.path, .bytes = static_cast<std::uint64_t>(status.st_size)};
  Unpacker unpacker(facts, request, bounds, *writer);
  const auto opened = open_archive(fd, request.path, bounds, facts.format);
  const Result<void> done = opened ? unpacker.run(*opened->reader) : unpacker.judge(opened.error(), "");
  if (!done) {
    return std::unexpected(done.error());
  }
  return facts;
}

}  // namespace runup
