// SPDX-License-Identifier: Apache-2.0
#include "artifact/torch_zip.h"

#include <algorithm>
#include <charconv>
#include <format>

#include "artifact/fact_lists.h"
#include "artifact/global_paths.h"
#include "artifact/pickle_machine.h"
#include "artifact/python_text.h"
#include "artifact/storages.h"
#include "artifact/torch_types.h"
#include "artifact/torchscript_facts.h"
#include "artifact/walk.h"
#include "base/duration.h"
#include "base/text.h"

namespace runup::artifact {

namespace {

// Of inline_container.h in PyTorch 2.x.
constexpr int kOldestVersion = 1;
constexpr std::uint64_t kMostPickle = std::uint64_t{1} << 30U;
// PyTorch never deflates a pickle; what other tools deflated is unpacked up to here.
constexpr std::uint64_t kMostUnpackedPickle = std::uint64_t{64} << 20U;
constexpr std::uint64_t kMostTextRecord = 4096;
constexpr std::size_t kMostExtraFiles = 100;

class TorchZipReader {
 public:
  TorchZipReader(const TorchRecords& records, ArtifactFacts& facts, Defects& defects)
      : records_(records), facts_(facts), defects_(defects), table_(facts.storages) {}

  void read() {
    read_version();
    read_byte_order();
    read_pickle("data.pkl", "", "");
    if (facts_.kind == ArtifactKind::torchscript) {
      if (records_.find("constants.pkl") != nullptr) {
        read_pickle("constants.pkl", "constants/", "constants");
      }
      if (!facts_.torchscript) {
        read_torchscript(records_, nullptr, facts_);
      }
      note_constants(facts_);
      note_extra_files();
    }
    if (records_.zip().truncated()) {
      tell_what_is_missing();
    }
  }

 private:
  void read_version() {
    facts_.format_version = records_.text("version");
    if (facts_.format_version.empty()) {
      facts_.format_version = records_.text(".data/version");
    }
    const std::string& text = facts_.format_version;
    if (text.empty()) {
      if (!records_.zip().truncated()) {
        defects_.add(DefectKind::missing_part, "the archive has no `version` record",
                     records_.root() + "version");
      }
      return;
    }
    int version = 0;
    const bool number =
        std::from_chars(text.data(), text.data() + text.size(), version).ptr == text.data() + text.size();
    // A higher one is a newer PyTorch's, whose files this reader takes as it finds them.
    if (!number || version < kOldestVersion) {
      defects_.add(
          DefectKind::malformed,
          std::format("file format version `{}`; expected a number from {}", printable(text), kOldestVersion),
          records_.root() + "version");
    }
  }

  void read_byte_order() {
    const std::string order = records_.text("byteorder");
    if (order == "little" || order == "big") {
      facts_.byte_order = order;
    } else if (!order.empty()) {
      defects_.add(DefectKind::malformed,
                   std::format("byte order `{}`; expected `little` or `big`", printable(order)),
                   records_.root() + "byteorder");
    }
  }

  void read_pickle(std::string_view record, const std::string& prefix, const std::string& base) {
    const std::string member = records_.root() + std::string(record);
    const ZipMember* entry = records_.find(record);
    if (entry == nullptr) {
      if (!records_.zip().truncated()) {
        defects_.add(DefectKind::missing_part, std::format("the archive has no `{}`", record), member);
      }
      return;
    }
    if (!entry->readable) {
      // Why is among the zip's own defects.
      return;
    }
    auto content = records_.zip().read(*entry, entry->deflated() ? kMostUnpackedPickle : kMostPickle);
    if (!content) {
      defects_.add(content.error(), member);
      return;
    }
    const Pickle pickle = read_pickle_stream(content->view, member);
    note_pickle(pickle, facts_);
    const ObjectGraph graph(pickle);
    const std::size_t first = table_.size();
    const PersistentObjects persistent = read_persistent_ids(graph, prefix, table_, defects_, member);
    for (std::size_t i = first; i < table_.size(); ++i) {
      locate(table_.at(static_cast<std::int64_t>(i)), member);
    }
    const TensorReader tensors(graph, persistent, table_, [&](std::int64_t storage) {
      const ZipMember* data = records_.find(TorchRecords::storage_record(table_.at(storage).key));
      return data == nullptr ? problem(DefectKind::missing_part, "not there")
                             : records_.zip().read(*data, kMostUnpackedPickle);
    });
    walk_values(
        {.graph = graph, .tensors = tensors, .base = base, .member = std::string(record), .place = member},
        facts_, defects_);
    if (facts_.kind == ArtifactKind::torchscript && record == "data.pkl") {
      read_torchscript(records_, &graph, facts_);
    }
  }

  Pickle read_pickle_stream(Bytes stream, const std::string& member) {
    Pickle pickle = runup::artifact::read_pickle(stream);
    if (pickle.problem) {
      defects_.add(*pickle.problem, member);
    } else if (pickle.end < stream.size()) {
      defects_.add(DefectKind::malformed,
                   std::format("{} bytes after the pickle's end", stream.size() - pickle.end), member,
                   pickle.end);
    }
    return pickle;
  }

  // Finds the record of a storage and holds its size against the one that the pickle says.
  void locate(StorageFacts& storage, const std::string& pickle) {
    const std::string record = TorchRecords::storage_record(storage.key);
    const ZipMember* entry = records_.find(record);
    const std::string member = printable(records_.root() + record);
    if (entry == nullptr || !entry->readable) {
      // Of a truncated file one defect tells all; of others the zip's own defects tell why.
      if (entry == nullptr && !records_.zip().truncated()) {
        defects_.add(DefectKind::missing_part,
                     std::format("storage `{}` is not in the archive", printable(storage.key)), member);
      }
      return;
    }
    const auto type = torch_type(storage.dtype);
    if (entry->unpacked < storage.bytes) {
      defects_.add(
          Problem{.kind = DefectKind::truncated,
                  .message = std::format("storage `{}` has {} bytes; `{}` says {}", printable(storage.key),
                                         entry->unpacked, printable(pickle), storage.bytes),
                  .offset = entry->data_offset,
                  .missing_bytes = storage.bytes - entry->unpacked},
          member);
      return;
    }
    if (entry->unpacked >= storage.bytes + (type ? type->item_bytes : 1)) {
      defects_.add(DefectKind::contradiction,
                   std::format("storage `{}` has {} bytes; `{}` says {}", printable(storage.key),
                               entry->unpacked, printable(pickle), storage.bytes),
                   member, entry->data_offset);
    }
    if (!entry->deflated()) {
      storage.offset = entry->data_offset;
    }
  }

  // The pickle comes first in these files and tells how long each storage should be.
  void tell_what_is_missing() {
    std::uint64_t bytes = 0;
    std::uint64_t count = 0;
    for (const StorageFacts& storage : facts_.storages) {
      const ZipMember* entry = records_.find(TorchRecords::storage_record(storage.key));
      if (entry != nullptr && entry->readable) {
        continue;
      }
      const std::uint64_t there =
          entry == nullptr ? 0 : std::min(storage.bytes, records_.file().size() - entry->data_offset);
      bytes += storage.bytes - there;
      ++count;
    }
    for (DefectFacts& defect : defects_.list()) {
      if (defect.kind == DefectKind::truncated && !defect.missing_bytes && defect.member.empty() &&
          bytes > 0) {
        defect.missing_bytes = bytes;
        defect.message += std::format("; at least {} of {} are missing", format_bytes(bytes),
                                      count_of(count, "storage", "storages"));
      }
    }
  }

  // TorchScript's `_extra_files`, whose content the saving program chose.
  void note_extra_files() {
    const std::string folder = records_.root() + "extra/";
    std::size_t count = 0;
    for (const ZipMember& member : records_.zip().members()) {
      if (!member.name.starts_with(folder)) {
        continue;
      }
      if (++count > kMostExtraFiles) {
        note_cut(facts_, std::format("extra files beyond {}", kMostExtraFiles));
        return;
      }
      const auto content = records_.zip().read(member, kMostUnpackedPickle);
      facts_.metadata.push_back(
          {.path = member.name.substr(records_.root().size()),
           .type = "file",
           .value = content ? cut_text(printable(as_text(content->view).substr(0, kMostTextRecord)))
                            : content.error().message});
    }
  }

  const TorchRecords& records_;
  ArtifactFacts& facts_;
  Defects& defects_;
  StorageTable table_;
};

}  // namespace

bool TorchRecords::has_folder(std::string_view prefix) const {
  const std::string full = root_ + std::string(prefix);
  return std::ranges::any_of(zip_.members(),
                             [&](const ZipMember& member) { return member.name.starts_with(full); });
}

std::string TorchRecords::text(std::string_view record) const {
  const ZipMember* member = find(record);
  const auto content =
      member == nullptr ? problem(DefectKind::missing_part, "") : zip_.read(*member, kMostTextRecord);
  return content ? std::string(trim(as_text(content->view))) : std::string();
}

std::string TorchRecords::storage_record(std::string_view key) {
  return key.starts_with("constants/") ? std::string(key) : std::format("data/{}", key);
}

void read_torch_zip(const TorchRecords& records, ArtifactFacts& facts, Defects& defects) {
  TorchZipReader(records, facts, defects).read();
}

}  // namespace runup::artifact
