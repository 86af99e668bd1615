// SPDX-License-Identifier: Apache-2.0
#pragma once

// Arguments of pickle opcodes: fixed numbers, counted bytes, and the lines of protocol 0.

#include <charconv>
#include <format>
#include <string>

#include "artifact/defects.h"
#include "base/bytes.h"

namespace runup::artifact {

class PickleStream {
 public:
  PickleStream(Bytes bytes, std::uint64_t offset) : bytes_(bytes), at_(offset) {}

  std::uint64_t position() const { return at_; }
  std::uint64_t left() const { return bytes_.size() - at_; }

  template <class T>
  Read<T> number() {
    const auto value = read_little_endian<T>(bytes_, at_);
    if (!value) {
      return problem(DefectKind::truncated, "the pickle ends inside an opcode's argument", at_);
    }
    at_ += sizeof(T);
    return *value;
  }

  Read<std::string_view> take(std::uint64_t count) {
    if (count > left()) {
      return problem(DefectKind::truncated,
                     std::format("an argument of {} bytes is announced; {} are left", count, left()), at_);
    }
    const std::string_view text = as_text(bytes_.subspan(at_, count));
    at_ += count;
    return text;
  }

  // Without its newline.
  Read<std::string_view> line() {
    const std::string_view rest = as_text(bytes_.subspan(at_));
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) {
      return problem(DefectKind::truncated, "the pickle ends inside a line", at_);
    }
    at_ += end + 1;
    return rest.substr(0, end);
  }

 private:
  Bytes bytes_;
  std::uint64_t at_;
};

}  // namespace runup::artifact
