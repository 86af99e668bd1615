// SPDX-License-Identifier: Apache-2.0
#pragma once

// The lists of ArtifactFacts, each with its bound. What does not fit is noted in `cut`.

#include "artifact/node.h"

namespace runup::artifact {

class FactLists {
 public:
  explicit FactLists(ArtifactFacts& facts) : facts_(facts) {}

  // The new entry's index, or -1 when the list is full.
  std::int64_t add_object(const std::string& path, const Node& node);
  std::int64_t add_state_dict(StateDictFacts mapping);
  // The node has a `repr`.
  void add_metadata(const std::string& path, const Node& node);
  void add_labels(LabelListFacts labels);
  void add_tensor(const std::string& path, TensorFacts tensor);

  bool labels_full() const;
  // No scalar would be in any list any more.
  bool scalars_full() const;

 private:
  // True while all texts together are below their bound.
  bool may_add(std::size_t bytes);

  ArtifactFacts& facts_;
  std::size_t text_ = 0;
};

// A note on what was left out, once.
void note_cut(ArtifactFacts& facts, const std::string& what);

}  // namespace runup::artifact
