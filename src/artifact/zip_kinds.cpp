// SPDX-License-Identifier: Apache-2.0
#include "artifact/zip_kinds.h"

#include <algorithm>

#include "artifact/npy_facts.h"
#include "artifact/torch_zip.h"
#include "base/codec.h"
#include "base/text.h"

namespace runup::artifact {

namespace {

constexpr std::uint64_t kMostMetadataJson = std::uint64_t{1} << 20U;

bool has_ending(const ZipArchive& zip, std::string_view ending) {
  return std::ranges::any_of(zip.members(),
                             [&](const ZipMember& member) { return member.name.ends_with(ending); });
}

ArtifactKind kind_of(const TorchRecords& records) {
  const ZipArchive& zip = records.zip();
  if (has_ending(zip, "serialized_exported_program.json") || records.text("archive_format") == "pt2") {
    return ArtifactKind::torch_export;
  }
  if (!records.root().empty()) {
    const bool script = records.find("constants.pkl") != nullptr || records.has_folder("code/") ||
                        records.find("model.json") != nullptr;
    const bool storages = records.has_folder("data/");
    if (script && (records.find("data.pkl") != nullptr || storages || records.has_folder("code/"))) {
      return ArtifactKind::torchscript;
    }
    if (records.find("data.pkl") != nullptr || (storages && records.find("version") != nullptr)) {
      return ArtifactKind::torch_zip;
    }
  }
  if (zip.find("config.json") != nullptr && zip.find("metadata.json") != nullptr) {
    return ArtifactKind::keras;
  }
  const auto is_npy = [](const ZipMember& member) { return member.name.ends_with(".npy"); };
  if (!zip.members().empty() && std::ranges::all_of(zip.members(), is_npy)) {
    return ArtifactKind::npz;
  }
  return ArtifactKind::zip;
}

void read_keras(const TorchRecords& records, ArtifactFacts& facts) {
  const auto content = records.zip().read(*records.zip().find("metadata.json"), kMostMetadataJson);
  const auto json =
      content ? parse_json(as_text(content->view), kMostMetadataJson) : fail(ErrorCode::bad_input, "");
  if (json && json->is_object() && json->contains("keras_version") && (*json)["keras_version"].is_string()) {
    facts.producer = "keras " + printable((*json)["keras_version"].get<std::string>());
  }
}

}  // namespace

void describe_zip(Bytes file, const ZipArchive& zip, ArtifactFacts& facts, Defects& defects) {
  const TorchRecords records(file, zip);
  facts.members = zip.members().size();
  facts.deflated = std::ranges::any_of(zip.members(), &ZipMember::deflated);
  facts.kind = kind_of(records);
  switch (facts.kind) {
    case ArtifactKind::torch_zip:
    case ArtifactKind::torchscript:
      read_torch_zip(records, facts, defects);
      break;
    case ArtifactKind::torch_export:
      facts.format_version = records.text("version");
      break;
    case ArtifactKind::keras:
      read_keras(records, facts);
      break;
    case ArtifactKind::npz:
      describe_npz(zip, facts, defects);
      break;
    default:
      break;
  }
}

}  // namespace runup::artifact
