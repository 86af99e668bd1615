// SPDX-License-Identifier: Apache-2.0
#include "artifact/reader.h"

#include <format>
#include <new>
#include <optional>

#include "artifact/file_hash.h"
#include "artifact/npy_facts.h"
#include "artifact/onnx.h"
#include "artifact/plain_pickle.h"
#include "artifact/safetensors.h"
#include "artifact/sniff.h"
#include "artifact/tar.h"
#include "artifact/tensor_values.h"
#include "artifact/text_labels.h"
#include "artifact/torch_legacy.h"
#include "artifact/torch_tar.h"
#include "artifact/torch_zip.h"
#include "artifact/zip_kinds.h"
#include "base/text.h"

namespace runup {

namespace {

using namespace artifact;

void describe_tar(Bytes file, ArtifactFacts& facts, Defects& defects) {
  const std::vector<TarMember> members = read_tar(file, defects);
  facts.members = members.size();
  facts.kind = is_torch_tar(members) ? ArtifactKind::torch_tar : ArtifactKind::tar;
  if (facts.kind == ArtifactKind::torch_tar) {
    read_torch_tar(file, members, facts, defects);
  }
}

// Every kind but those that are zips.
void describe_plain(Bytes file, ArtifactFacts& facts, Defects& defects) {
  facts.kind = sniff_signature(file);
  if (facts.kind != ArtifactKind::unknown) {
    return;
  }
  if (looks_like_npy(file)) {
    facts.kind = ArtifactKind::npy;
    describe_npy(file, "", "", facts, defects);
  } else if (looks_like_torch_legacy(file)) {
    facts.kind = ArtifactKind::torch_legacy;
    read_torch_legacy(file, facts, defects);
  } else if (looks_like_safetensors(file)) {
    facts.kind = ArtifactKind::safetensors;
    facts.byte_order = "little";
    read_safetensors(file, facts, defects);
  } else if (looks_like_tar(file)) {
    describe_tar(file, facts, defects);
  } else if (const auto pickle = read_plain_pickle(file)) {
    facts.kind = ArtifactKind::pickle;
    describe_plain_pickle(file, *pickle, facts, defects);
  } else {
    facts.kind = sniff_text(file, facts);
    if (facts.kind == ArtifactKind::unknown) {
      facts.kind = sniff_protobuf(file, facts, defects);
      if (facts.kind == ArtifactKind::onnx) {
        read_onnx(file, facts, defects);
      }
    } else if (facts.kind == ArtifactKind::json_text) {
      read_json_labels(file, facts);
    } else if (facts.kind == ArtifactKind::text) {
      read_text_labels(file, facts);
    }
  }
}

// A file whose start is gone may still start like a pickle; one that is a pickle to its very end may
// hold a zip among its values.
bool is_zip(Bytes file) {
  if (ZipArchive::looks_like_zip(file)) {
    return true;
  }
  if (!ZipArchive::ends_like_zip(file)) {
    return false;
  }
  const auto pickle = read_plain_pickle(file);
  return !pickle || pickle->end != file.size();
}

bool is_no_model(ArtifactKind kind) {
  switch (kind) {
    case ArtifactKind::unknown:
    case ArtifactKind::git_lfs_pointer:
    case ArtifactKind::html:
    case ArtifactKind::json_text:
    case ArtifactKind::text:
      return true;
    default:
      return false;
  }
}

void describe(Bytes file, const ReadOptions& options, ArtifactFacts& facts) {
  Defects defects(facts.defects);
  const PageRelease pages(options.release_pages);
  std::optional<ZipArchive> zip;
  if (is_zip(file)) {
    zip = ZipArchive::open(file, defects, pages);
    describe_zip(file, *zip, facts, defects);
  } else {
    describe_plain(file, facts, defects);
  }
  if (is_no_model(facts.kind)) {
    facts.head = head_of(file);
  }
  if (options.hash) {
    facts.sha256 = hash_file(file, zip ? &*zip : nullptr, pages, defects);
    if (zip) {
      check_deflated(file, *zip, facts, defects);
    }
  }
  if (options.values) {
    scan_tensor_values(file, options.external, facts, pages);
  }
}

Result<StorageContent> read_member(Bytes file, const StorageFacts& storage) {
  std::vector<DefectFacts> ignored;
  Defects defects(ignored);
  const ZipArchive zip = ZipArchive::open(file, defects, PageRelease());
  const std::string record = TorchRecords::storage_record(storage.key);
  const ZipMember* member = TorchRecords(file, zip).find(record);
  if (member == nullptr || !member->readable || member->unpacked < storage.bytes) {
    return fail(ErrorCode::not_found, std::format("storage `{}` is not in the file", printable(storage.key)));
  }
  // Anything behind the storage's own bytes is less than one element.
  constexpr std::uint64_t kSlack = 16;
  auto content = zip.read(*member, storage.bytes + kSlack);
  if (!content) {
    return fail(ErrorCode::bad_input,
                std::format("`{}`: {}", printable(member->name), content.error().message));
  }
  content->view = content->view.first(storage.bytes);
  return std::move(*content);
}

}  // namespace

ArtifactFacts read_artifact(Bytes file, const ReadOptions& options) {
  ArtifactFacts facts{.bytes = file.size()};
  if (file.empty()) {
    facts.kind = ArtifactKind::empty;
    facts.sha256 = options.hash ? sha256_hex(file) : "";
    return facts;
  }
  try {
    describe(file, options, facts);
  } catch (const std::bad_alloc&) {
    // The process has a limit on its memory; a sound model file stays far below it.
    facts.defects.push_back(
        {.kind = DefectKind::over_limit, .message = "reading it takes more memory than is allowed"});
  }
  return facts;
}

Result<StorageContent> read_storage(Bytes file, const ArtifactFacts& facts, std::size_t index) {
  if (index >= facts.storages.size()) {
    return fail(ErrorCode::not_found, std::format("no storage {}", index));
  }
  const StorageFacts& storage = facts.storages[index];
  if (storage.offset) {
    if (*storage.offset > file.size() || storage.bytes > file.size() - *storage.offset) {
      return fail(ErrorCode::bad_input,
                  std::format("storage `{}` lies behind the file's end", printable(storage.key)));
    }
    return StorageContent{.view = file.subspan(*storage.offset, storage.bytes), .owned = {}};
  }
  if (facts.kind != ArtifactKind::torch_zip && facts.kind != ArtifactKind::torchscript) {
    return fail(ErrorCode::not_found, std::format("storage `{}` is not in the file", printable(storage.key)));
  }
  try {
    return read_member(file, storage);
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::limit,
                std::format("storage `{}` takes more memory than is allowed", printable(storage.key)));
  }
}

}  // namespace runup
