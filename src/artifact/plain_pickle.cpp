// SPDX-License-Identifier: Apache-2.0
#include "artifact/plain_pickle.h"

#include <format>

#include "artifact/global_paths.h"
#include "artifact/pickle_machine.h"
#include "artifact/pickle_opcodes.h"
#include "artifact/storages.h"
#include "artifact/torch_legacy.h"
#include "artifact/walk.h"
#include "base/text.h"

namespace runup::artifact {

namespace {

// Garbage that happens to start like a pickle breaks off sooner.
constexpr std::uint64_t kConvincing = 32;
constexpr std::uint64_t kMostOldPickle = std::uint64_t{64} << 20U;

bool says_protocol(Bytes file) {
  return file.size() >= 3 && file[0] == static_cast<std::byte>(Op::proto) &&
         std::to_integer<int>(file[1]) <= kHighestProtocol;
}

// The bytes of a value that lie in the file, as opposed to those that a call makes.
std::optional<Bytes> bytes_in_file(const Pickle& pickle, ValueId id) {
  return pickle.is(id, ValueKind::bytes) ? std::optional(as_bytes(pickle.at(id).text)) : std::nullopt;
}

// pickle.dump(tensor) writes each storage as torch.storage._load_from_bytes(what torch.save wrote).
void read_nested_storages(Bytes file, const ObjectGraph& graph, StorageTable& table,
                          PersistentObjects& objects, ArtifactFacts& facts) {
  const Pickle& pickle = graph.pickle();
  std::uint64_t work = 0;
  for (ValueId id = 0; id < pickle.values.size(); ++id) {
    const auto call = graph.instance(id);
    if (!call || graph.name(call->callee) != "torch.storage._load_from_bytes" || call->args.size() != 1) {
      continue;
    }
    const auto in_file = bytes_in_file(pickle, call->args[0]);
    const auto made = in_file ? std::nullopt : graph.byte_content(call->args[0]);
    const Bytes bytes = in_file ? *in_file : as_bytes(made ? std::string_view(*made) : std::string_view());
    work += bytes.size();
    if (work > 4 * file.size() || !looks_like_torch_legacy(bytes)) {
      continue;
    }
    ArtifactFacts inner;
    Defects inner_defects(inner.defects);
    read_torch_legacy(bytes, inner, inner_defects);
    if (inner.storages.size() != 1) {
      continue;
    }
    StorageFacts storage = inner.storages.front();
    if (in_file && storage.offset) {
      *storage.offset += static_cast<std::uint64_t>(bytes.data() - file.data());
    } else {
      storage.offset.reset();
    }
    for (GlobalFacts& global : inner.globals) {
      note_globals({.globals = {{global.module, global.name, global.uses}}}, "storage", facts);
    }
    storage.key = std::to_string(table.size());
    objects.storages.emplace(id, table.add(std::move(storage)));
  }
}

}  // namespace

std::optional<Pickle> read_plain_pickle(Bytes file) {
  if (file.empty()) {
    return std::nullopt;
  }
  const bool modern = says_protocol(file);
  const bool old = !modern && file.size() <= kMostOldPickle &&
                   file.back() == static_cast<std::byte>(Op::stop) &&
                   std::string_view("(cdl]})IFLSVNiGJKMTUX").contains(static_cast<char>(file.front()));
  if (!modern && !old) {
    return std::nullopt;
  }
  Pickle pickle = read_pickle(file, 0, {.joblib = true});
  const bool whole = !pickle.problem;
  const bool convincing = modern ? whole || pickle.end > kConvincing : whole && pickle.end == file.size();
  return convincing ? std::optional(std::move(pickle)) : std::nullopt;
}

void describe_plain_pickle(Bytes file, const Pickle& pickle, ArtifactFacts& facts, Defects& defects) {
  note_pickle(pickle, facts);
  if (pickle.problem) {
    defects.add(*pickle.problem);
  }
  const ObjectGraph graph(pickle);
  StorageTable table(facts.storages);
  PersistentObjects objects = read_persistent_ids(graph, "", table, defects, "");
  for (const StorageFacts& storage : facts.storages) {
    defects.add(DefectKind::missing_part,
                std::format("storage `{}` is not in the file", printable(storage.key)));
  }
  read_nested_storages(file, graph, table, objects, facts);
  const TensorReader tensors(graph, objects, table, [&](std::int64_t index) -> Read<StorageContent> {
    const StorageFacts& storage = table.at(index);
    if (!storage.offset) {
      return problem(DefectKind::missing_part, "not there");
    }
    return StorageContent{.view = file.subspan(*storage.offset, storage.bytes), .owned = {}};
  });
  walk_values({.graph = graph, .tensors = tensors, .base = "", .member = "", .place = ""}, facts, defects);
}

}  // namespace runup::artifact
