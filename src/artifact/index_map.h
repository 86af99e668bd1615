// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace runup::artifact {

// Names by index, put in order. Either every index from 0 is there once and `names` has them all, or
// `problem` says which is not, and `names` is empty.
struct IndexMap {
  std::vector<std::string> names;
  std::string problem;
};
IndexMap order_by_index(std::vector<std::pair<std::int64_t, std::string>> entries);

}  // namespace runup::artifact
