// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "facts/artifact.h"

namespace runup {

// One line of the tensor tree: a tensor, a group of them, or the note that some are left out.
struct TreeLine {
  std::size_t depth = 0;
  std::string name;
  // null for a group
  const TensorFacts* tensor = nullptr;
  // of a group
  std::uint64_t tensors = 0;
  // of a group: of the distinct storages below it
  std::uint64_t bytes = 0;
  bool is_note = false;
};

// The tensors grouped by the parts of their key paths. A group with one member is joined with it. Of
// a group with more than `most` members the first `most` are given, and a note for the others; of the
// entries of a list, or of a dict with numbers as keys, a quarter of that.
std::vector<TreeLine> tensor_tree(const ArtifactFacts& facts, std::size_t most);

}  // namespace runup
