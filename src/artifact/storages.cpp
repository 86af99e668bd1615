// SPDX-License-Identifier: Apache-2.0
#include "artifact/storages.h"

#include <format>

#include "artifact/torch_types.h"
#include "base/text.h"

namespace runup::artifact {

namespace {

struct StorageId {
  StorageFacts facts;
  TorchType type;
  std::string view_key;
  std::uint64_t view_offset = 0;
  std::uint64_t view_bytes = 0;
};

// Keys are text; very old files have whole numbers.
std::optional<std::string> key_of(const Pickle& pickle, ValueId id) {
  if (const auto text = pickle.text(id)) {
    return std::string(*text);
  }
  const auto number = pickle.integer(id);
  return number ? std::optional(std::to_string(*number)) : std::nullopt;
}

std::optional<std::uint64_t> bytes_of(const Pickle& pickle, ValueId elements, const TorchType& type) {
  const auto count = pickle.integer(elements);
  // Far above any memory, and safe to multiply and add.
  if (!count || *count < 0 || *count > (std::int64_t{1} << 56U)) {
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(*count) * type.item_bytes;
}

bool is_module_id(const Pickle& pickle, std::span<const ValueId> parts) {
  return !parts.empty() && pickle.text(parts[0]) == "module";
}

Read<StorageId> read_storage_id(const ObjectGraph& graph, std::span<const ValueId> parts) {
  const Pickle& pickle = graph.pickle();
  if (parts.size() < 5 || parts.size() > 6 || pickle.text(parts[0]) != "storage") {
    return problem(DefectKind::malformed,
                   "a persistent id is no storage: (\"storage\", type, key, location, elements)");
  }
  const GlobalValue* storage_class = pickle.global(parts[1]);
  const auto type = storage_class == nullptr ? std::nullopt : torch_type_of_storage(storage_class->name);
  const auto key = key_of(pickle, parts[2]);
  const auto location = graph.pickle().text(parts[3]);
  const auto bytes = type ? bytes_of(pickle, parts[4], *type) : std::nullopt;
  if (!type) {
    return problem(DefectKind::malformed,
                   std::format("storage class `{}` is not known",
                               storage_class == nullptr ? "?" : printable(storage_class->name)));
  }
  if (!key || !location || !bytes) {
    return problem(DefectKind::malformed, "a storage has no valid key, location or number of elements");
  }
  StorageId id{.facts = {.key = *key,
                         .dtype = std::string(type->name),
                         .device = std::string(*location),
                         .bytes = *bytes},
               .type = *type};
  if (parts.size() == 6 && !pickle.is(parts[5], ValueKind::none)) {
    const auto view = pickle.sequence(parts[5]);
    const auto view_key = view.size() == 3 ? key_of(pickle, view[0]) : std::nullopt;
    const auto offset = view_key ? bytes_of(pickle, view[1], *type) : std::nullopt;
    const auto size = offset ? bytes_of(pickle, view[2], *type) : std::nullopt;
    if (!size || *offset + *size > *bytes) {
      return problem(DefectKind::malformed,
                     std::format("a view of storage `{}` is not inside it", printable(*key)));
    }
    id.view_key = *view_key;
    id.view_offset = *offset;
    id.view_bytes = *size;
  }
  return id;
}

template <class Visit>
void for_each_persistent(const Pickle& pickle, Visit&& visit) {
  for (ValueId id = 0; id < pickle.values.size(); ++id) {
    if (pickle.is(id, ValueKind::persistent)) {
      visit(id, pickle.sequence(pickle.at(id).items[0]));
    }
  }
}

}  // namespace

std::int64_t StorageTable::find(const std::string& key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? -1 : found->second;
}

std::int64_t StorageTable::add(StorageFacts storage) {
  const auto index = static_cast<std::int64_t>(list_.size());
  by_key_.emplace(storage.key, index);
  list_.push_back(std::move(storage));
  return index;
}

PersistentObjects read_persistent_ids(const ObjectGraph& graph, const std::string& prefix,
                                      StorageTable& table, Defects& defects, const std::string& member) {
  PersistentObjects objects;
  for_each_persistent(graph.pickle(), [&](ValueId id, std::span<const ValueId> parts) {
    if (is_module_id(graph.pickle(), parts)) {
      return;
    }
    auto storage = read_storage_id(graph, parts);
    if (!storage) {
      defects.add(storage.error(), member);
      return;
    }
    storage->facts.key.insert(0, prefix);
    std::int64_t index = table.find(storage->facts.key);
    if (index < 0) {
      index = table.add(storage->facts);
    } else if (table.at(index).bytes != storage->facts.bytes) {
      defects.add(DefectKind::contradiction,
                  std::format("storage `{}` has {} bytes in one place and {} in another",
                              printable(storage->facts.key), table.at(index).bytes, storage->facts.bytes),
                  member);
    }
    if (!storage->view_key.empty()) {
      StorageFacts view = storage->facts;
      view.key = prefix + storage->view_key;
      view.bytes = storage->view_bytes;
      const std::int64_t known = table.find(view.key);
      index = known >= 0 ? known : table.add(std::move(view));
    }
    objects.storages.emplace(id, index);
  });
  return objects;
}

std::vector<StorageView> storage_views(const ObjectGraph& graph, const StorageTable& table) {
  std::vector<StorageView> views;
  for_each_persistent(graph.pickle(), [&](ValueId, std::span<const ValueId> parts) {
    const auto storage = is_module_id(graph.pickle(), parts) ? problem(DefectKind::malformed, "")
                                                             : read_storage_id(graph, parts);
    if (storage && !storage->view_key.empty()) {
      views.push_back({.storage = table.find(storage->view_key),
                       .root = storage->facts.key,
                       .offset = storage->view_offset});
    }
  });
  return views;
}

}  // namespace runup::artifact
