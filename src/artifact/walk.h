// SPDX-License-Identifier: Apache-2.0
#pragma once

// From a pickle's values to facts: every tensor, scalar, label list and state_dict with its key
// path, in the order of the file.
//
// Key paths: a text key of a dict adds `.key` (at the root `key`), any other key `[repr]`, an item of
// a list or tuple `[0]`, an attribute `.name`, also at the root; arguments of calls that are not
// known add `(0)` and are only looked through for tensors. An object inside itself is entered once;
// one that is reached by two paths is listed at both.

#include "artifact/torch_tensors.h"

namespace runup::artifact {

struct WalkSource {
  const ObjectGraph& graph;
  const TensorReader& tensors;
  // of the root value: empty, or `constants` for the second pickle of a TorchScript archive
  std::string base;
  // whose pickle it is, for GlobalFacts::member: `data.pkl`
  std::string member;
  // the same for DefectFacts::member: `archive/data.pkl`
  std::string place;
};

// Adds to `facts`: tensors, state_dicts, label_lists, metadata, objects, globals, module_classes, cut.
void walk_values(const WalkSource& source, ArtifactFacts& facts, Defects& defects);

}  // namespace runup::artifact
