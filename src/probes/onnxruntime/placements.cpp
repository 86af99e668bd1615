// SPDX-License-Identifier: Apache-2.0
#include "probes/onnxruntime/placements.h"

#include <charconv>

namespace runup {

void Placements::read(std::string_view message) {
  constexpr std::string_view kPlaced = "placed on [";
  constexpr std::string_view kCount = "]. Number of nodes: ";
  const std::size_t start = message.find(kPlaced);
  if (start == std::string_view::npos || !message.substr(0, start).contains("ode")) {
    return;
  }
  const std::size_t end = message.find(kCount, start);
  if (end == std::string_view::npos) {
    return;
  }
  const std::string_view provider = message.substr(start + kPlaced.size(), end - start - kPlaced.size());
  const std::string_view digits = message.substr(end + kCount.size());
  std::uint64_t count = 0;
  if (std::from_chars(digits.data(), digits.data() + digits.size(), count).ec == std::errc()) {
    nodes_[std::string(provider)] += count;
  }
}

}  // namespace runup
