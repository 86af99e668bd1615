// SPDX-License-Identifier: Apache-2.0
#include "probes/supervisor/capture.h"

#include <algorithm>

#include "base/duration.h"

namespace runup {

void Capture::append(std::string_view part) {
  seen_ += part.size();
  const std::size_t to_head = std::min(part.size(), head_limit_ - head_.size());
  head_ += part.substr(0, to_head);
  part.remove_prefix(to_head);
  if (part.size() >= tail_limit_) {
    tail_ = part.substr(part.size() - tail_limit_);
    return;
  }
  tail_ += part;
  if (tail_.size() > 2 * tail_limit_) {
    tail_.erase(0, tail_.size() - tail_limit_);
  }
}

std::string Capture::text() const {
  const std::size_t kept = std::min(tail_.size(), tail_limit_);
  const std::string_view tail = std::string_view(tail_).substr(tail_.size() - kept);
  const std::uint64_t lost = seen_ - head_.size() - kept;
  std::string text = head_;
  if (lost > 0) {
    text += "\n[... " + format_bytes(lost) + " left out ...]\n";
  }
  text += tail;
  return text;
}

}  // namespace runup
