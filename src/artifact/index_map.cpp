// SPDX-License-Identifier: Apache-2.0
#include "artifact/index_map.h"

#include <algorithm>
#include <format>

namespace runup::artifact {

IndexMap order_by_index(std::vector<std::pair<std::int64_t, std::string>> entries) {
  std::ranges::stable_sort(entries, {}, &std::pair<std::int64_t, std::string>::first);
  IndexMap map;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto wanted = static_cast<std::int64_t>(i);
    const std::int64_t index = entries[i].first;
    if (index != wanted) {
      map.names.clear();
      map.problem = index < 0        ? std::format("index {} is negative", index)
                    : index < wanted ? std::format("index {} is there twice", index)
                                     : std::format("index {} is missing", wanted);
      return map;
    }
    map.names.push_back(std::move(entries[i].second));
  }
  return map;
}

}  // namespace runup::artifact
