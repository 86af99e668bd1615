// SPDX-License-Identifier: Apache-2.0
#pragma once

// What torch.save wrote before PyTorch 1.6, and writes with _use_new_zipfile_serialization=False:
// pickles of a magic number, the protocol version, the system's properties, the object, and the list
// of storage keys; then, for each key, a 64-bit number of elements and the elements.
// torch/serialization.py, _legacy_save and _legacy_load.

#include "artifact/storages.h"

namespace runup::artifact {

bool looks_like_torch_legacy(Bytes file);
void read_torch_legacy(Bytes file, ArtifactFacts& facts, Defects& defects);

}  // namespace runup::artifact
