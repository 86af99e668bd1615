// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "artifact/pages.h"
#include "base/bytes.h"
#include "facts/artifact.h"

namespace runup::artifact {

// Fills TensorFacts::values of every tensor whose numbers can be read: strided, inside its storage, of a
// type that ValueScan knows. `external` are the files of ONNX's external data, by location. Views of one storage that are equal are read once; the work as a whole is
// bounded by a small multiple of the storages' bytes, since a hostile file may show them again and again.
void scan_tensor_values(Bytes file, const std::map<std::string, Bytes>& external, ArtifactFacts& facts,
                        const PageRelease& pages);

}  // namespace runup::artifact
