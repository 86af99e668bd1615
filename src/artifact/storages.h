// SPDX-License-Identifier: Apache-2.0
#pragma once

// The storages of a checkpoint, and what its persistent ids stand for.

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "artifact/defects.h"
#include "artifact/object_graph.h"
#include "artifact/reader.h"

namespace runup::artifact {

class StorageTable {
 public:
  explicit StorageTable(std::vector<StorageFacts>& list) : list_(list) {}

  const StorageFacts& at(std::int64_t index) const { return list_[static_cast<std::size_t>(index)]; }
  StorageFacts& at(std::int64_t index) { return list_[static_cast<std::size_t>(index)]; }
  std::size_t size() const { return list_.size(); }
  // -1 when there is none.
  std::int64_t find(const std::string& key) const;
  std::int64_t add(StorageFacts storage);

 private:
  std::vector<StorageFacts>& list_;
  std::unordered_map<std::string, std::int64_t> by_key_;
};

// What a persistent_load would give for each persistent id of a pickle, by the id of its value.
struct PersistentObjects {
  std::unordered_map<ValueId, std::int64_t> storages;
  // of tar checkpoints
  std::unordered_map<ValueId, TensorFacts> tensors;
};

// Reads the persistent ids of torch.save, ("storage", type, key, location, elements) with, in legacy
// files, (view key, offset, elements) behind it, and adds each storage once under `prefix` + key.
// The first mention of a key decides its type, as in torch.load.
PersistentObjects read_persistent_ids(const ObjectGraph& graph, const std::string& prefix,
                                      StorageTable& table, Defects& defects, const std::string& member);

// A view of a storage, as legacy files have them; `offset` counts bytes in the root storage.
struct StorageView {
  std::int64_t storage = -1;
  std::string root;
  std::uint64_t offset = 0;
};
// The views among the persistent ids, for the reader that finds the root storages' place.
std::vector<StorageView> storage_views(const ObjectGraph& graph, const StorageTable& table);

}  // namespace runup::artifact
