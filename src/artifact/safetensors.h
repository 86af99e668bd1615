// SPDX-License-Identifier: Apache-2.0
#pragma once

// safetensors: a 64-bit header length, a JSON object of that length, then the tensors' bytes.
// Rules of the reference implementation (safetensors/src/tensor.rs): the header has at most 100 MB
// and starts with `{`; each tensor has dtype, shape and data_offsets; the offsets cover the rest of
// the file from its start to its end without hole or overlap; sizes agree with shape and dtype.

#include "artifact/defects.h"
#include "base/bytes.h"

namespace runup::artifact {

bool looks_like_safetensors(Bytes file);
void read_safetensors(Bytes file, ArtifactFacts& facts, Defects& defects);

}  // namespace runup::artifact
