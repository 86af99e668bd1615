// SPDX-License-Identifier: Apache-2.0
#include "artifact/torch_tar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <format>

#include "artifact/global_paths.h"
#include "artifact/pickle_machine.h"
#include "artifact/tensor_layout.h"
#include "artifact/torch_types.h"
#include "artifact/walk.h"
#include "base/text.h"

namespace runup::artifact {

namespace {

constexpr std::int64_t kMostTarAxes = 64;
constexpr std::int64_t kMostEntries = 100'000;

class TarReader {
 public:
  TarReader(Bytes file, const std::vector<TarMember>& members, ArtifactFacts& facts, Defects& defects)
      : file_(file), members_(members), facts_(facts), defects_(defects), table_(facts.storages) {}

  void read() {
    read_system();
    if (auto ok = read_storages(); !ok) {
      defects_.add(ok.error(), "storages");
    }
    if (auto ok = read_tensors(); !ok) {
      defects_.add(ok.error(), "tensors");
    }
    read_object();
  }

 private:
  Bytes part(std::string_view name) const {
    const auto found = std::ranges::find(members_, name, &TarMember::name);
    return found == members_.end() ? Bytes() : file_.subspan(found->offset, found->bytes);
  }

  // The next pickle of a member; moves `at` behind it.
  Read<Pickle> next(Bytes bytes, std::uint64_t& at, const std::string& member) {
    Pickle pickle = read_pickle(bytes, at);
    note_pickle(pickle, facts_);
    note_globals(pickle, member, facts_);
    if (pickle.problem) {
      return std::unexpected(*pickle.problem);
    }
    at = pickle.end;
    return pickle;
  }

  void read_system() {
    std::uint64_t at = 0;
    const auto system = next(part("sys_info"), at, "sys_info");
    if (system && system->is(system->entry(system->root, "little_endian"), ValueKind::boolean)) {
      facts_.byte_order = system->truth(system->entry(system->root, "little_endian")) ? "little" : "big";
    }
    if (system) {
      const auto version = system->integer(system->entry(system->root, "protocol_version"));
      facts_.format_version = version ? std::to_string(*version) : "";
    }
  }

  static Read<std::int64_t> count_of_entries(const Pickle& pickle) {
    const auto count = pickle.integer(pickle.root);
    return count && *count >= 0 && *count <= kMostEntries
               ? Read<std::int64_t>(*count)
               : problem(DefectKind::malformed, "it has no valid number of entries");
  }

  Read<void> read_storages() {
    const Bytes bytes = part("storages");
    const std::uint64_t start = static_cast<std::uint64_t>(bytes.data() - file_.data());
    std::uint64_t at = 0;
    const auto head = next(bytes, at, "storages");
    const auto count = head ? count_of_entries(*head) : Read<std::int64_t>(std::unexpected(head.error()));
    if (!count) {
      return std::unexpected(count.error());
    }
    for (std::int64_t i = 0; i < *count; ++i) {
      const auto entry = next(bytes, at, "storages");
      if (!entry) {
        return std::unexpected(entry.error());
      }
      // (key, location, type)
      const auto parts = entry->sequence(entry->root);
      const GlobalValue* storage_class = parts.size() == 3 ? entry->global(parts[2]) : nullptr;
      const auto type = storage_class == nullptr ? std::nullopt : torch_type_of_storage(storage_class->name);
      const auto key = type ? entry->integer(parts[0]) : std::nullopt;
      const auto elements = read_little_endian<std::int64_t>(bytes, at);
      if (!key || !elements || *elements < 0) {
        return problem(DefectKind::malformed, "an entry is no (key, location, type) with a size", at);
      }
      at += 8;
      const std::uint64_t left = bytes.size() - at;
      if (static_cast<std::uint64_t>(*elements) > left / type->item_bytes) {
        return problem(DefectKind::truncated,
                       std::format("storage {} has {} elements; {} bytes are left", *key, *elements, left),
                       at);
      }
      const std::uint64_t size = static_cast<std::uint64_t>(*elements) * type->item_bytes;
      table_.add({.key = std::to_string(*key),
                  .dtype = std::string(type->name),
                  .device = std::string(entry->text(parts[1]).value_or("cpu")),
                  .bytes = size,
                  .offset = start + at});
      at += size;
    }
    return read_views(bytes, at);
  }

  Read<void> read_views(Bytes bytes, std::uint64_t at) {
    const auto views = next(bytes, at, "storages");
    if (!views) {
      return std::unexpected(views.error());
    }
    for (const ValueId item : views->sequence(views->root)) {
      // (key, root's key, offset, elements)
      const auto parts = views->sequence(item);
      std::array<std::int64_t, 4> numbers{};
      for (std::size_t i = 0; i < numbers.size() && i < parts.size(); ++i) {
        numbers[i] = views->integer(parts[i]).value_or(-1);
      }
      const std::int64_t root = table_.find(std::to_string(numbers[1]));
      if (parts.size() != 4 || root < 0 || numbers[2] < 0 || numbers[3] < 0) {
        return problem(DefectKind::malformed, "a view is no (key, root, offset, elements)");
      }
      StorageFacts view = table_.at(root);
      const std::uint64_t item_bytes = torch_type(view.dtype)->item_bytes;
      const std::uint64_t elements = view.bytes / item_bytes;
      const auto offset = static_cast<std::uint64_t>(numbers[2]);
      if (offset > elements || static_cast<std::uint64_t>(numbers[3]) > elements - offset) {
        return problem(DefectKind::malformed, "a view is not inside its storage");
      }
      view.key = std::to_string(numbers[0]);
      view.offset = *view.offset + offset * item_bytes;
      view.bytes = static_cast<std::uint64_t>(numbers[3]) * item_bytes;
      table_.add(std::move(view));
    }
    return {};
  }

  Read<void> read_tensors() {
    const Bytes bytes = part("tensors");
    std::uint64_t at = 0;
    const auto head = next(bytes, at, "tensors");
    const auto count = head ? count_of_entries(*head) : Read<std::int64_t>(std::unexpected(head.error()));
    if (!count) {
      return std::unexpected(count.error());
    }
    for (std::int64_t i = 0; i < *count; ++i) {
      const auto entry = next(bytes, at, "tensors");
      if (!entry) {
        return std::unexpected(entry.error());
      }
      // (key, storage's key, tensor class); a tensor without elements has no storage
      const auto parts = entry->sequence(entry->root);
      const auto key = parts.size() == 3 ? entry->integer(parts[0]) : std::nullopt;
      if (!key) {
        return problem(DefectKind::malformed, "an entry is no (key, storage, type)", at);
      }
      auto tensor =
          read_numbers(bytes, at, table_.find(std::to_string(entry->integer(parts[1]).value_or(-1))));
      if (!tensor) {
        return std::unexpected(tensor.error());
      }
      tensors_.emplace(*key, std::move(*tensor));
    }
    return {};
  }

  // Number of axes (32 bits and 32 unused ones), sizes, strides, offset.
  Read<TensorFacts> read_numbers(Bytes bytes, std::uint64_t& at, std::int64_t storage) {
    const auto axes = read_little_endian<std::int32_t>(bytes, at);
    if (!axes || *axes < 0 || *axes > kMostTarAxes) {
      return problem(DefectKind::malformed, "a tensor has no valid number of axes", at);
    }
    at += 8;
    TensorFacts facts;
    std::vector<std::int64_t> numbers;
    for (std::int32_t i = 0; i < 2 * *axes + 1; ++i) {
      const auto number = read_little_endian<std::int64_t>(bytes, at);
      if (!number || *number < 0) {
        return problem(number ? DefectKind::malformed : DefectKind::truncated,
                       "a tensor has no valid size and stride", at);
      }
      numbers.push_back(*number);
      at += 8;
    }
    facts.shape.assign(numbers.begin(), numbers.begin() + *axes);
    facts.stride.assign(numbers.begin() + *axes, numbers.end() - 1);
    facts.storage_offset = numbers.back();
    if (storage < 0) {
      return problem(DefectKind::missing_part, "a tensor's storage is not there", at);
    }
    facts.dtype = table_.at(storage).dtype;
    auto ok = place_tensor(facts, storage, table_.at(storage).bytes);
    return ok ? Read<TensorFacts>(std::move(facts)) : std::unexpected(ok.error());
  }

  void read_object() {
    const Bytes bytes = part("pickle");
    const Pickle object = read_pickle(bytes);
    note_pickle(object, facts_);
    if (object.problem) {
      defects_.add(*object.problem, "pickle");
    }
    const ObjectGraph graph(object);
    PersistentObjects persistent;
    for (ValueId id = 0; id < object.values.size(); ++id) {
      if (object.is(id, ValueKind::persistent)) {
        const auto text = object.text(object.at(id).items[0]);
        std::int64_t key = -1;
        if (text) {
          std::from_chars(text->data(), text->data() + text->size(), key);
        }
        if (const auto known = tensors_.find(key); known != tensors_.end()) {
          persistent.tensors.emplace(id, known->second);
        } else if (const std::int64_t storage = table_.find(std::to_string(key)); storage >= 0) {
          persistent.storages.emplace(id, storage);
        }
      }
    }
    const TensorReader tensors(graph, persistent, table_, [](std::int64_t) -> Read<StorageContent> {
      return problem(DefectKind::missing_part, "not there");
    });
    walk_values({.graph = graph, .tensors = tensors, .base = "", .member = "pickle", .place = "pickle"},
                facts_, defects_);
  }

  Bytes file_;
  const std::vector<TarMember>& members_;
  ArtifactFacts& facts_;
  Defects& defects_;
  StorageTable table_;
  std::unordered_map<std::int64_t, TensorFacts> tensors_;
};

}  // namespace

bool is_torch_tar(const std::vector<TarMember>& members) {
  const auto has = [&](std::string_view name) {
    return std::ranges::contains(members, name, &TarMember::name);
  };
  return has("pickle") && has("storages") && has("tensors");
}

void read_torch_tar(Bytes file, const std::vector<TarMember>& members, ArtifactFacts& facts,
                    Defects& defects) {
  TarReader(file, members, facts, defects).read();
}

}  // namespace runup::artifact
