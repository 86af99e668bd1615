// SPDX-License-Identifier: Apache-2.0
#include "probes/archive/tar_reader.h"

#include <algorithm>
#include <format>

#include "base/text.h"

namespace runup {

namespace {

constexpr std::uint64_t kMostExtension = std::uint64_t{4} << 20U;
constexpr std::size_t kMostExtensions = 100;
constexpr std::size_t kMostParts = 200'000;
// What stands behind the archive's end is read for the stream's checksum, and not without end.
constexpr std::uint64_t kMostBehind = std::uint64_t{64} << 20U;

std::uint64_t padding_of(std::uint64_t size) { return (kTarBlock - size % kTarBlock) % kTarBlock; }

std::string_view value_of(const std::map<std::string, std::string, std::less<>>& pax, std::string_view key) {
  const auto found = pax.find(key);
  return found == pax.end() ? std::string_view() : std::string_view(found->second);
}

// The numbers of `text`, which commas separate.
std::optional<std::vector<std::uint64_t>> number_list(std::string_view text) {
  std::vector<std::uint64_t> numbers;
  for (const std::string& part : split(text, ',')) {
    const auto number = pax_number(part);
    if (!number || numbers.size() >= 2 * kMostParts) {
      return std::nullopt;
    }
    numbers.push_back(*number);
  }
  return numbers;
}

std::string own_name(Bytes block) {
  const std::string_view name = tar_text(block, 0, 100);
  const bool posix = as_text(block.subspan(257, 6)) == std::string_view("ustar\0", 6);
  const std::string_view prefix = posix ? tar_text(block, 345, 155) : std::string_view();
  return prefix.empty() ? std::string(name) : std::format("{}/{}", prefix, name);
}

// Nothing when it is a file, or of a kind that nobody knows, which POSIX takes for one.
void set_tar_kind(char type, ArchiveEntry& entry) {
  switch (type) {
    case '1':
      entry.kind = EntryKind::hard_link;
      return;
    case '2':
      entry.kind = EntryKind::symbolic_link;
      return;
    case '3':
      entry.special = "a character device";
      break;
    case '4':
      entry.special = "a block device";
      break;
    case '6':
      entry.special = "a named pipe";
      break;
    case '5':
    case 'D':
      entry.kind = EntryKind::folder;
      return;
    default:
      // The seventh edition had no type for folders.
      entry.kind = type == '\0' && entry.name.ends_with('/') ? EntryKind::folder : EntryKind::file;
      return;
  }
  entry.kind = EntryKind::special;
}

// Links, folders and special files have no content, whatever size stands there; the folders of GNU's incremental
// archives have their list of names.
bool has_content(char type) { return !(type >= '1' && type <= '6'); }

}  // namespace

Result<void> TarReader::read_exactly(std::span<std::byte> out) {
  while (!out.empty()) {
    const auto got = source_->read(out);
    if (!got) {
      return std::unexpected(got.error());
    }
    if (*got == 0) {
      return damaged(last_name_.empty()
                         ? std::string("the tar archive is cut off")
                         : std::format("the tar archive is cut off after `{}`", printable(last_name_)));
    }
    out = out.subspan(*got);
  }
  return {};
}

Result<bool> TarReader::read_block(Block& block) {
  const auto got = source_->read(block);
  if (!got) {
    return std::unexpected(got.error());
  }
  if (*got == 0) {
    return false;
  }
  if (auto rest = read_exactly(std::span(block).subspan(*got)); !rest) {
    return std::unexpected(rest.error());
  }
  return true;
}

Result<void> TarReader::skip(std::uint64_t bytes) {
  std::vector<std::byte> buffer(std::min<std::uint64_t>(bytes, kBuffer));
  while (bytes > 0) {
    const std::size_t size = std::min<std::uint64_t>(bytes, buffer.size());
    if (auto got = read_exactly(std::span(buffer).first(size)); !got) {
      return got;
    }
    bytes -= size;
  }
  return {};
}

Result<void> TarReader::finish_entry() {
  const std::uint64_t rest = left_ + padding_;
  left_ = padding_ = 0;
  return skip(rest);
}

Result<void> TarReader::drain() {
  std::vector<std::byte> buffer(kBuffer);
  for (std::uint64_t total = 0; total < kMostBehind;) {
    const auto got = source_->read(buffer);
    if (!got) {
      return std::unexpected(got.error());
    }
    if (*got == 0) {
      return {};
    }
    total += *got;
  }
  return fail(ErrorCode::limit, "more than 64 MiB behind the end of the tar archive");
}

Result<std::string> TarReader::read_text(std::uint64_t size) {
  if (size > kMostExtension) {
    return fail(ErrorCode::limit, std::format("a header of {} bytes before an entry; at most {} are read",
                                              size, kMostExtension));
  }
  std::string text(size, '\0');
  if (auto got = read_exactly(std::as_writable_bytes(std::span(text))); !got) {
    return std::unexpected(got.error());
  }
  if (auto padding = skip(padding_of(size)); !padding) {
    return std::unexpected(padding.error());
  }
  return text;
}

// Records "LENGTH KEY=VALUE\n".
Result<void> TarReader::read_pax(std::uint64_t size, Said& said, bool global) {
  const auto text = read_text(size);
  if (!text) {
    return std::unexpected(text.error());
  }
  for (std::string_view rest = *text; !rest.empty() && rest.front() != '\0';) {
    const std::size_t space = rest.find(' ');
    const auto length = space == std::string_view::npos ? std::nullopt : pax_number(rest.substr(0, space));
    if (!length || *length > rest.size() || *length < space + 3 || rest[*length - 1] != '\n') {
      return damaged(std::format("a pax header after `{}` is damaged", printable(last_name_)));
    }
    const std::string_view record = rest.substr(space + 1, *length - space - 2);
    rest.remove_prefix(*length);
    const std::size_t equals = record.find('=');
    if (equals == std::string_view::npos) {
      return damaged(std::format("a pax header after `{}` is damaged", printable(last_name_)));
    }
    const std::string_view key = record.substr(0, equals);
    const std::string_view value = record.substr(equals + 1);
    if (!global && (key == "GNU.sparse.offset" || key == "GNU.sparse.numbytes")) {
      const auto number = pax_number(value);
      const bool in_turn = said.sparse_numbers.size() % 2 == (key == "GNU.sparse.offset" ? 0 : 1);
      if (!number || !in_turn) {
        return damaged("a pax header's sparse map is damaged");
      }
      said.sparse_numbers.push_back(*number);
    } else {
      (global ? global_ : said.pax)[std::string(key)] = value;
    }
  }
  return {};
}

Result<bool> TarReader::take_extension(const Block& block, char type, std::uint64_t size, Said& said) {
  const auto done = [](const Result<void>& read) -> Result<bool> {
    return read ? Result<bool>(true) : std::unexpected(read.error());
  };
  switch (type) {
    case 'x':
    case 'X':
      return done(read_pax(size, said, false));
    case 'g':
      return done(read_pax(size, said, true));
    case 'L':
    case 'K': {
      auto text = read_text(size);
      if (!text) {
        return std::unexpected(text.error());
      }
      text->resize(std::min(text->size(), text->find('\0')));
      (type == 'L' ? said.name : said.target) = std::move(*text);
      return true;
    }
    case 'V':
      return done(skip(size + padding_of(size)));
    case 'M':
      return damaged(std::format("`{}` begins in another volume of the archive, which is not here",
                                 printable(own_name(block))));
    default:
      return false;
  }
}

Result<std::optional<ArchiveEntry>> TarReader::next() {
  if (auto finished = finish_entry(); !finished) {
    return std::unexpected(finished.error());
  }
  parts_.clear();
  Said said;
  for (std::size_t headers = 0; !ended_; ++headers) {
    if (headers > kMostExtensions) {
      return fail(ErrorCode::limit, std::format("more than {} headers before one entry", kMostExtensions));
    }
    Block block;
    const auto got = read_block(block);
    if (!got) {
      return std::unexpected(got.error());
    }
    if (!*got) {
      return damaged(last_name_.empty()
                         ? "the tar archive ends without its end mark"
                         : std::format("the tar archive ends behind `{}` without its end mark: it is "
                                       "cut off",
                                       printable(last_name_)));
    }
    if (is_zero(block)) {
      ended_ = true;
      break;
    }
    if (!has_tar_checksum(block)) {
      return damaged(started_ ? std::format("the tar header behind `{}` is damaged: its checksum is wrong",
                                            printable(last_name_))
                              : "there is no tar archive in it: the first header's checksum is wrong");
    }
    started_ = true;
    const char type = static_cast<char>(block[156]);
    const auto size = tar_number(block, 124, 12);
    if (!size || *size < 0) {
      return damaged(std::format("the size of `{}` is no number", printable(own_name(block))));
    }
    const auto extension = take_extension(block, type, static_cast<std::uint64_t>(*size), said);
    if (!extension) {
      return std::unexpected(extension.error());
    }
    if (!*extension) {
      auto entry = make_entry(block, type, static_cast<std::uint64_t>(*size), said);
      if (!entry) {
        return std::unexpected(entry.error());
      }
      last_name_ = entry->name;
      return std::move(*entry);
    }
  }
  if (auto drained = drain(); !drained) {
    return std::unexpected(drained.error());
  }
  return std::nullopt;
}

Result<ArchiveEntry> TarReader::make_entry(const Block& block, char type, std::uint64_t size,
                                           const Said& said) {
  ArchiveEntry entry{.name = said.name.empty() ? own_name(block) : said.name,
                     .target = said.target.empty() ? std::string(tar_text(block, 157, 100)) : said.target,
                     .bytes = size};
  entry.mode = static_cast<std::uint32_t>(tar_number(block, 100, 8).value_or(0644)) & 07777U;
  const std::int64_t seconds = tar_number(block, 136, 12).value_or(0);
  constexpr std::int64_t kMostSeconds = std::int64_t{1} << 33U;
  entry.modified_ns = std::clamp(seconds, -kMostSeconds, kMostSeconds) * 1'000'000'000;
  if (auto set = set_from_pax(said, entry); !set) {
    return std::unexpected(set.error());
  }
  set_tar_kind(type, entry);
  if (!has_content(type)) {
    entry.bytes = 0;
  }
  left_ = entry.bytes;
  padding_ = padding_of(left_);
  parts_.push_back({.offset = 0, .bytes = left_});
  if (entry.kind != EntryKind::file) {
    entry.bytes = 0;
    return entry;
  }
  if (auto sparse = type == 'S' ? set_sparse_from_header(block, entry) : set_sparse_from_pax(said, entry);
      !sparse) {
    return std::unexpected(sparse.error());
  }
  return entry;
}

Result<void> TarReader::set_from_pax(const Said& said, ArchiveEntry& entry) {
  const auto find = [&](std::string_view key) {
    const std::string_view own = value_of(said.pax, key);
    // An empty value takes back what was said for all.
    return said.pax.contains(key) ? own : value_of(global_, key);
  };
  for (const std::string_view key : {"path", "GNU.sparse.name"}) {
    if (const std::string_view name = find(key); !name.empty()) {
      entry.name = name;
    }
  }
  if (const std::string_view target = find("linkpath"); !target.empty()) {
    entry.target = target;
  }
  if (const std::string_view text = find("size"); !text.empty()) {
    const auto size = pax_number(text);
    if (!size) {
      return damaged(std::format("the size of `{}` is no number", printable(entry.name)));
    }
    entry.bytes = *size;
  }
  if (const auto time = pax_time(find("mtime"))) {
    entry.modified_ns = *time;
  }
  return {};
}

Result<void> TarReader::set_sparse_from_header(const Block& block, ArchiveEntry& entry) {
  std::vector<std::uint64_t> numbers;
  const auto take = [&](const Block& from, std::size_t at, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i, at += 24) {
      const auto offset = tar_number(from, at, 12);
      const auto bytes = tar_number(from, at + 12, 12);
      if (!offset || !bytes || *offset < 0 || *bytes < 0) {
        return false;
      }
      // Places that are not used are zeros.
      if (*offset != 0 || *bytes != 0) {
        numbers.push_back(static_cast<std::uint64_t>(*offset));
        numbers.push_back(static_cast<std::uint64_t>(*bytes));
      }
    }
    return numbers.size() <= 2 * kMostParts;
  };
  const auto bytes = tar_number(block, 483, 12);
  bool good = take(block, 386, 4) && bytes && *bytes >= 0;
  bool more = block[482] != std::byte{0};
  while (good && more) {
    Block extension;
    const auto got = read_block(extension);
    if (!got) {
      return std::unexpected(got.error());
    }
    good = *got && take(extension, 0, 21);
    more = extension[504] != std::byte{0};
  }
  if (!good) {
    return damaged(std::format("the sparse map of `{}` is damaged", printable(entry.name)));
  }
  return set_parts(numbers, static_cast<std::uint64_t>(*bytes), entry);
}

Result<void> TarReader::set_sparse_from_pax(const Said& said, ArchiveEntry& entry) {
  const std::string_view major = value_of(said.pax, "GNU.sparse.major");
  const std::string_view map = value_of(said.pax, "GNU.sparse.map");
  const std::string_view new_size = value_of(said.pax, "GNU.sparse.realsize");
  const std::string_view old_size = value_of(said.pax, "GNU.sparse.size");
  if (major.empty() && map.empty() && said.sparse_numbers.empty()) {
    return {};
  }
  const auto bytes = pax_number(new_size.empty() ? old_size : new_size);
  if (!bytes || (!major.empty() && major != "0" && major != "1")) {
    return damaged(std::format("the sparse map of `{}` is damaged", printable(entry.name)));
  }
  if (major == "1") {
    const auto numbers = read_sparse_map();
    return numbers ? set_parts(*numbers, *bytes, entry) : std::unexpected(numbers.error());
  }
  if (map.empty()) {
    return set_parts(said.sparse_numbers, *bytes, entry);
  }
  const auto numbers = number_list(map);
  return numbers ? set_parts(*numbers, *bytes, entry)
                 : damaged(std::format("the sparse map of `{}` is damaged", printable(entry.name)));
}

// pax 1.0 has it before the content: a count and that many pairs, a line each, up to a block's end.
Result<std::vector<std::uint64_t>> TarReader::read_sparse_map() {
  std::vector<std::uint64_t> numbers;
  std::string line;
  std::optional<std::uint64_t> wanted;
  while (!wanted || numbers.size() < *wanted) {
    Block block;
    if (left_ < block.size()) {
      return damaged("a sparse map is cut off");
    }
    if (auto got = read_exactly(block); !got) {
      return std::unexpected(got.error());
    }
    left_ -= block.size();
    for (const char byte : as_text(block)) {
      if (wanted && numbers.size() == *wanted) {
        break;
      }
      if (byte != '\n') {
        line += byte;
        continue;
      }
      const auto number = pax_number(line);
      line.clear();
      if (!number || (!wanted && *number > kMostParts)) {
        return damaged("a sparse map is damaged");
      }
      if (wanted) {
        numbers.push_back(*number);
      } else {
        wanted = *number * 2;
      }
    }
    if (line.size() > kTarBlock) {
      return damaged("a sparse map is damaged");
    }
  }
  return numbers;
}

Result<void> TarReader::set_parts(const std::vector<std::uint64_t>& numbers, std::uint64_t bytes,
                                  ArchiveEntry& entry) {
  if (numbers.size() % 2 != 0) {
    return damaged(std::format("the sparse map of `{}` is damaged", printable(entry.name)));
  }
  parts_.clear();
  std::uint64_t at = 0;
  std::uint64_t stored = 0;
  for (std::size_t i = 0; i + 1 < numbers.size(); i += 2) {
    const Part part{.offset = numbers[i], .bytes = numbers[i + 1]};
    // In order, and inside the file.
    if (part.offset < at || part.offset > bytes || part.bytes > bytes - part.offset) {
      return damaged(std::format("the sparse map of `{}` is damaged", printable(entry.name)));
    }
    at = part.offset + part.bytes;
    stored += part.bytes;
    parts_.push_back(part);
  }
  if (stored > left_) {
    return damaged(std::format("the sparse map of `{}` names {} bytes; the archive has {}",
                               printable(entry.name), stored, left_));
  }
  entry.bytes = bytes;
  return {};
}

Result<void> TarReader::read(const EntrySink& sink) {
  std::vector<std::byte> buffer(kBuffer);
  for (const Part& part : parts_) {
    for (std::uint64_t at = 0; at < part.bytes;) {
      const auto piece = std::span(buffer).first(std::min<std::uint64_t>(part.bytes - at, buffer.size()));
      if (auto got = read_exactly(piece); !got) {
        return got;
      }
      left_ -= piece.size();
      if (auto taken = sink(part.offset + at, piece); !taken) {
        return taken;
      }
      at += piece.size();
    }
  }
  return {};
}

}  // namespace runup
