// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "artifact/node.h"

namespace runup::artifact {

// For each global of a pickle, the key path of the first value that needs it.
class GlobalPaths {
 public:
  explicit GlobalPaths(const Pickle& pickle)
      : pickle_(pickle), claimed_(pickle.values.size()), key_paths_(pickle.globals.size()) {}

  // Gives the globals that the value needs by itself `path`, unless they have one; what its children
  // need is theirs.
  void claim(ValueId id, const Node& node, const std::string& path);
  void add_to(ArtifactFacts& facts, const std::string& member) const;

 private:
  const Pickle& pickle_;
  std::vector<bool> claimed_;
  std::vector<std::string> key_paths_;
};

// Adds what is known of a pickle without looking at its values: opcodes, protocol.
void note_pickle(const Pickle& pickle, ArtifactFacts& facts);
// Adds the globals of a pickle whose values are not walked.
void note_globals(const Pickle& pickle, const std::string& member, ArtifactFacts& facts);

}  // namespace runup::artifact
