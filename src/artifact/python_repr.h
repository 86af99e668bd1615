// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "artifact/object_graph.h"

namespace runup::artifact {

// What Python's repr would print of a value, at most 200 bytes and four levels deep; an object shows
// as the call that makes it.
std::string value_repr(const ObjectGraph& graph, ValueId id);

// A dict key as a step of a key path: `.name` for text, `[repr]` for others.
std::string key_step(const ObjectGraph& graph, ValueId key);

}  // namespace runup::artifact
