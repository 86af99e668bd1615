// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a file is, when it is neither zip, tar, pickle nor safetensors: by its first bytes, and for
// the formats without a signature by their structure.

#include <string>

#include "artifact/defects.h"
#include "base/bytes.h"

namespace runup::artifact {

// Text of a few kinds: git_lfs_pointer, html, json_text, text. Sets `lfs` for the first.
// ArtifactKind::unknown when the file is no text.
ArtifactKind sniff_text(Bytes file, ArtifactFacts& facts);

// Binary formats that are only recognised: hdf5, gzip, ort, or unknown.
ArtifactKind sniff_signature(Bytes file);

// onnx or tensorflow_saved_model, by the fields of the outermost message; sets format_version and
// producer of ONNX, and a defect when its last part is cut off. Nothing of the graph is read.
ArtifactKind sniff_protobuf(Bytes file, ArtifactFacts& facts, Defects& defects);

// The first bytes as one printable line.
std::string head_of(Bytes file);

}  // namespace runup::artifact
