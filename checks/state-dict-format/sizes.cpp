// SPDX-License-Identifier: Apache-2.0
#include "sizes.h"

#include <algorithm>

#include "facts/state_dict.h"

namespace runup::checks::state_dict_format {

namespace {

std::string top_level(std::string_view path) { return std::string(path.substr(0, path.find_first_of(".["))); }

}  // namespace

Residue find_residue(const ArtifactFacts& artifact, const StateDictFacts& chosen) {
  Residue residue;
  for (const StorageFacts& storage : artifact.storages) {
    residue.total += storage.bytes;
  }
  residue.bytes = residue.total > chosen.bytes ? residue.total - chosen.bytes : 0;
  const std::string own = top_level(chosen.path);
  for (const ObjectFacts& object : artifact.objects) {
    const bool is_top_level = !object.path.empty() && object.path == top_level(object.path);
    if (is_top_level && object.path != own && object.bytes > 0) {
      residue.parts.push_back({.key = object.path, .bytes = object.bytes});
    }
  }
  std::ranges::stable_sort(residue.parts, std::greater{}, &Residue::Part::bytes);
  return residue;
}

ViewWaste find_view_waste(const ArtifactFacts& artifact, const StateDictFacts& chosen) {
  std::vector<std::uint64_t> shown(artifact.storages.size());
  std::vector<const TensorFacts*> owner(artifact.storages.size());
  for (const TensorFacts& tensor : artifact.tensors) {
    if (tensor.storage < 0 || static_cast<std::size_t>(tensor.storage) >= shown.size()) {
      continue;
    }
    const auto index = static_cast<std::size_t>(tensor.storage);
    // A tensor of stride 0 shows more than it has.
    shown[index] = std::min(artifact.storages[index].bytes, shown[index] + tensor.bytes);
    if (state_dict_key(tensor.path, chosen.path)) {
      owner[index] = &tensor;
    }
  }
  ViewWaste waste;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    if (owner[i] == nullptr || shown[i] >= artifact.storages[i].bytes) {
      continue;
    }
    const std::uint64_t unused = artifact.storages[i].bytes - shown[i];
    waste.bytes += unused;
    ++waste.storages;
    if (waste.worst.empty() || unused > waste.worst_storage - waste.worst_shown) {
      waste.worst = owner[i]->path;
      waste.worst_shown = shown[i];
      waste.worst_storage = artifact.storages[i].bytes;
    }
  }
  return waste;
}

}  // namespace runup::checks::state_dict_format
