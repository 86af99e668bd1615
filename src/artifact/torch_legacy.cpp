// SPDX-License-Identifier: Apache-2.0
#include "artifact/torch_legacy.h"

#include <algorithm>
#include <format>

#include "artifact/global_paths.h"
#include "artifact/pickle_machine.h"
#include "artifact/torch_types.h"
#include "artifact/walk.h"
#include "base/duration.h"
#include "base/text.h"

namespace runup::artifact {

namespace {

// torch.serialization.MAGIC_NUMBER, PROTOCOL_VERSION
constexpr std::string_view kMagic = "119547037146038801333356";
constexpr std::int64_t kProtocol = 1001;
// A magic number's pickle is shorter than this in every protocol.
constexpr std::size_t kMagicPickle = 64;
constexpr std::uint64_t kCountBytes = 8;

class LegacyReader {
 public:
  LegacyReader(Bytes file, ArtifactFacts& facts, Defects& defects)
      : file_(file), facts_(facts), defects_(defects), table_(facts.storages) {}

  void read() {
    const auto magic = next("the magic number");
    const auto version = magic ? next("the protocol version") : std::nullopt;
    const auto system = version ? next("the system's properties") : std::nullopt;
    if (!system) {
      return;
    }
    note_globals(*magic, "magic", facts_);
    note_globals(*version, "protocol", facts_);
    note_globals(*system, "system", facts_);
    check_head(*version, *system);
    const std::uint64_t start = at_;
    const Pickle object = read_pickle(file_, at_);
    at_ = object.end;
    note_pickle(object, facts_);
    if (object.problem) {
      report(*object.problem, "the object");
    }
    const ObjectGraph graph(object);
    const PersistentObjects persistent = read_persistent_ids(graph, "", table_, defects_, "");
    if (!object.problem && start < file_.size()) {
      place_storages(storage_views(graph, table_));
    }
    const TensorReader tensors(graph, persistent, table_, [&](std::int64_t index) -> Read<StorageContent> {
      const StorageFacts& storage = table_.at(index);
      if (!storage.offset) {
        return problem(DefectKind::missing_part, "not there");
      }
      return StorageContent{.view = file_.subspan(*storage.offset, storage.bytes), .owned = {}};
    });
    walk_values({.graph = graph, .tensors = tensors, .base = "", .member = "object", .place = ""}, facts_,
                defects_);
  }

 private:
  void report(Problem why, std::string_view part) {
    why.message = std::format("{}: {}", part, why.message);
    defects_.add(std::move(why));
  }

  // The next pickle of the file, or nothing when it cannot be read.
  std::optional<Pickle> next(std::string_view part) {
    if (at_ >= file_.size()) {
      report({.kind = DefectKind::truncated, .message = "the file ends before it", .offset = at_}, part);
      return std::nullopt;
    }
    Pickle pickle = read_pickle(file_, at_);
    note_pickle(pickle, facts_);
    at_ = pickle.end;
    if (pickle.problem) {
      report(*pickle.problem, part);
      return std::nullopt;
    }
    return pickle;
  }

  void check_head(const Pickle& version, const Pickle& system) {
    const auto number = version.integer(version.root);
    if (number != kProtocol) {
      defects_.add(DefectKind::malformed, std::format("protocol version {}; expected {}",
                                                      number ? std::to_string(*number) : "?", kProtocol));
    }
    facts_.format_version = number ? std::to_string(*number) : "";
    const ValueId order = system.entry(system.root, "little_endian");
    if (system.is(order, ValueKind::boolean)) {
      facts_.byte_order = system.truth(order) ? "little" : "big";
    }
  }

  void place_storages(const std::vector<StorageView>& views) {
    const auto keys = next("the list of storages");
    if (!keys) {
      return;
    }
    note_globals(*keys, "keys", facts_);
    if (!keys->is(keys->root, ValueKind::list) && !keys->is(keys->root, ValueKind::tuple)) {
      defects_.add(DefectKind::malformed, "the list of storages is no list");
      return;
    }
    std::uint64_t missing = 0;
    for (const ValueId item : keys->sequence(keys->root)) {
      const auto number = keys->integer(item);
      const std::string key(number ? std::to_string(*number) : std::string(keys->text(item).value_or("")));
      const std::int64_t index = table_.find(key);
      if (index < 0) {
        defects_.add(DefectKind::malformed, std::format("storage `{}` belongs to no tensor", printable(key)),
                     {}, at_);
        return;
      }
      missing += place(table_.at(index));
      if (stopped_) {
        return;
      }
    }
    if (missing > 0) {
      defects_.add(Problem{
          .kind = DefectKind::truncated,
          .message = std::format("the file ends {} before the end of its storages", format_bytes(missing)),
          .offset = file_.size(),
          .missing_bytes = missing});
      return;
    }
    for (const StorageView& view : views) {
      const std::int64_t root = table_.find(view.root);
      if (view.storage >= 0 && root >= 0 && table_.at(root).offset) {
        table_.at(view.storage).offset = *table_.at(root).offset + view.offset;
      }
    }
    for (std::size_t i = 0; i < table_.size(); ++i) {
      const StorageFacts& storage = table_.at(static_cast<std::int64_t>(i));
      if (!storage.offset) {
        defects_.add(DefectKind::missing_part,
                     std::format("storage `{}` is not in the file", printable(storage.key)));
      }
    }
  }

  // Bytes of it that are behind the end of the file.
  std::uint64_t place(StorageFacts& storage) {
    const std::uint64_t whole = kCountBytes + storage.bytes;
    const auto count = read_little_endian<std::int64_t>(file_, at_);
    if (!count) {
      const std::uint64_t missing = whole - (file_.size() - at_);
      at_ = file_.size();
      return missing;
    }
    const auto type = torch_type(storage.dtype);
    const auto expected = static_cast<std::int64_t>(storage.bytes / (type ? type->item_bytes : 1));
    if (*count != expected) {
      defects_.add(DefectKind::contradiction,
                   std::format("storage `{}` has {} elements; the object says {}", printable(storage.key),
                               *count, expected),
                   {}, at_);
      // Where the next one starts cannot be told.
      stopped_ = true;
      return 0;
    }
    const std::uint64_t left = file_.size() - at_;
    if (whole > left) {
      at_ = file_.size();
      return whole - left;
    }
    storage.offset = at_ + kCountBytes;
    at_ += whole;
    return 0;
  }

  Bytes file_;
  ArtifactFacts& facts_;
  Defects& defects_;
  StorageTable table_;
  std::uint64_t at_ = 0;
  bool stopped_ = false;
};

}  // namespace

bool looks_like_torch_legacy(Bytes file) {
  const Pickle magic = read_pickle(file.first(std::min(file.size(), kMagicPickle)));
  return magic.is(magic.root, ValueKind::big_integer) && magic.at(magic.root).text == kMagic;
}

void read_torch_legacy(Bytes file, ArtifactFacts& facts, Defects& defects) {
  LegacyReader(file, facts, defects).read();
}

}  // namespace runup::artifact
