// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "artifact/object_graph.h"

namespace runup::artifact {

// A longer list is not read.
inline constexpr std::size_t kMostClasses = 100'000;

// The class names that a value holds, when it plausibly holds any: scikit-learn's LabelEncoder; a
// list, tuple or array of different texts whose key says so or that stands at the root or one level
// below; a dict between indices 0..n-1 and texts. `path` is the value's key path.
std::optional<LabelListFacts> read_label_list(const ObjectGraph& graph, ValueId id, const std::string& path);

}  // namespace runup::artifact
