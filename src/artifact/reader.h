// SPDX-License-Identifier: Apache-2.0
#pragma once

// Reads model files of every kind that facts/artifact.h names, from bytes alone: no ML runtime, no
// other file is opened, nothing in the file is executed. Everything is bounded, because the file is
// hostile until proven otherwise: a file that breaks a rule or a bound gives defects, never a crash.

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "facts/artifact.h"

namespace runup {

struct ReadOptions {
  // SHA-256 of the whole file, and the checksums of all zip members. Without it only headers,
  // tables and pickles are touched: a 4 GB checkpoint is read in milliseconds.
  bool hash = true;
  // What the numbers of the tensors are like (TensorFacts::values), which takes a pass over all of them.
  bool values = false;
  // The files beside it in which an ONNX model keeps numbers, by their location as the model writes it: for
  // `values` alone.
  std::map<std::string, Bytes> external = {};
  // `file` is a private read-only mapping of a file (MappedFile), and so is each external one: pages that were looked at may be
  // given back to the system on the way, so that hashing a large file does not hold it in memory.
  bool release_pages = false;
};

// Never fails: what could not be read is among the defects. `file` must stay mapped during the call
// only.
ArtifactFacts read_artifact(Bytes file, const ReadOptions& options);

// The bytes of one storage: a view into `file` when they are stored there plainly, otherwise
// (deflated zip members) a copy owned by this object.
struct StorageContent {
  Bytes view;
  std::vector<std::byte> owned;
};

// The bytes of `facts.storages[index]`, where `facts` is what read_artifact() said of `file`. The
// view is as long as StorageFacts::bytes and lives as long as `file` (or as the returned object).
Result<StorageContent> read_storage(Bytes file, const ArtifactFacts& facts, std::size_t index);

}  // namespace runup
