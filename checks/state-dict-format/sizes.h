// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "facts/artifact.h"

namespace runup::checks::state_dict_format {

// Bytes of the file that the model does not need.
struct Residue {
  std::uint64_t bytes = 0;
  // of all storages of the file
  std::uint64_t total = 0;
  double share() const { return total == 0 ? 0 : static_cast<double>(bytes) / static_cast<double>(total); }
  struct Part {
    // top-level key
    std::string key;
    std::uint64_t bytes = 0;
  };
  // largest first
  std::vector<Part> parts;
};
Residue find_residue(const ArtifactFacts& artifact, const StateDictFacts& chosen);

// Storages of which the state_dict's tensors show only a part: the whole storage is in the file.
struct ViewWaste {
  std::uint64_t bytes = 0;
  std::uint64_t storages = 0;
  // the tensor whose storage wastes most
  std::string worst;
  std::uint64_t worst_shown = 0;
  std::uint64_t worst_storage = 0;
};
ViewWaste find_view_waste(const ArtifactFacts& artifact, const StateDictFacts& chosen);

}  // namespace runup::checks::state_dict_format
