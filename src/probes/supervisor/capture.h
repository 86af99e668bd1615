// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace runup {

// The start and the end of a stream of any length, in bounded memory: what was said first often is the
// cause, what was said last is where it ended.
class Capture {
 public:
  Capture(std::size_t head_bytes, std::size_t tail_bytes)
      : head_limit_(head_bytes), tail_limit_(tail_bytes) {}

  void append(std::string_view part);
  // bytes that were appended so far
  std::uint64_t seen() const { return seen_; }
  // Both parts; when something between them is gone, a line says how much.
  std::string text() const;

 private:
  std::size_t head_limit_;
  std::size_t tail_limit_;
  std::uint64_t seen_ = 0;
  std::string head_;
  // up to twice its limit, so that dropping the oldest part is rare
  std::string tail_;
};

}  // namespace runup
