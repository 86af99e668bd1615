// SPDX-License-Identifier: Apache-2.0
#include "artifact/sniff.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "artifact/python_text.h"
#include "base/codec.h"
#include "base/text.h"

namespace runup::artifact {

namespace {

constexpr std::size_t kLookedAt = 4096;
constexpr std::size_t kHeadBytes = 200;
constexpr std::size_t kMostPointer = 1024;
constexpr std::size_t kMostSniffedJson = std::size_t{1} << 20U;

bool starts_ignoring_case(std::string_view text, std::string_view prefix) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return text.size() >= prefix.size() &&
         std::ranges::equal(text.substr(0, prefix.size()), prefix, {}, lower, lower);
}

// UTF-8 without control characters; a character that the look ends in the middle of is no fault.
bool is_text(std::string_view text) {
  for (int cut = 0; cut < 4 && !is_valid_utf8(text) && !text.empty(); ++cut) {
    text.remove_suffix(1);
  }
  return is_valid_utf8(text) && std::ranges::none_of(text, [](char c) {
           const auto byte = static_cast<unsigned char>(c);
           return (byte < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != '\f') || byte == 0x7F;
         });
}

// https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md: lines "key value", version first.
std::optional<LfsPointerFacts> read_lfs_pointer(std::string_view text) {
  if (text.size() > kMostPointer || (!text.starts_with("version https://git-lfs.github.com/spec/") &&
                                     !text.starts_with("version https://hawser.github.com/spec/"))) {
    return std::nullopt;
  }
  LfsPointerFacts pointer;
  for (const std::string& line : split(text, '\n')) {
    const std::string_view view = trim(line);
    if (view.starts_with("oid ")) {
      pointer.oid = trim(view.substr(4));
    } else if (view.starts_with("size ")) {
      const std::string_view digits = view.substr(5);
      std::from_chars(digits.data(), digits.data() + digits.size(), pointer.bytes);
    }
  }
  return pointer;
}

bool is_html(std::string_view text) {
  return std::ranges::any_of(std::array<std::string_view, 4>{"<!doctype html", "<html", "<head", "<body"},
                             [&](std::string_view start) { return starts_ignoring_case(text, start); });
}

bool is_json(std::string_view text) {
  if (!text.starts_with('{') && !text.starts_with('[')) {
    return false;
  }
  return text.size() > kMostSniffedJson || parse_json(text, kMostSniffedJson).has_value();
}

}  // namespace

ArtifactKind sniff_text(Bytes file, ArtifactFacts& facts) {
  std::string_view text = as_text(file);
  if (text.starts_with("\xef\xbb\xbf")) {
    text.remove_prefix(3);
  }
  if (!is_text(text.substr(0, kLookedAt))) {
    return ArtifactKind::unknown;
  }
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n\f"), text.size()));
  if (auto pointer = read_lfs_pointer(text)) {
    facts.lfs = std::move(pointer);
    return ArtifactKind::git_lfs_pointer;
  }
  if (is_html(text)) {
    return ArtifactKind::html;
  }
  return is_json(text) ? ArtifactKind::json_text : ArtifactKind::text;
}

ArtifactKind sniff_signature(Bytes file) {
  const std::string_view text = as_text(file);
  if (text.starts_with("\x1f\x8b")) {
    return ArtifactKind::gzip;
  }
  // The superblock may stand behind a user block of 512 bytes or a power of two times that.
  for (std::size_t at = 0; at < std::min<std::size_t>(text.size(), 1U << 20U); at = at == 0 ? 512 : at * 2) {
    if (text.substr(at).starts_with("\x89HDF\r\n\x1a\n")) {
      return ArtifactKind::hdf5;
    }
  }
  if (text.size() >= 8 && text.substr(4).starts_with("ORTM")) {
    return ArtifactKind::ort;
  }
  return ArtifactKind::unknown;
}

std::string head_of(Bytes file) {
  std::string head = printable(as_text(file.first(std::min(file.size(), kHeadBytes))));
  std::ranges::replace_if(head, [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return cut_text(std::string(trim(head)));
}

}  // namespace runup::artifact
