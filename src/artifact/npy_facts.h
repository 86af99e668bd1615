// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "artifact/zip.h"

namespace runup::artifact {

bool looks_like_npy(Bytes file);

// One array as a line of metadata under `path` ("float32 [2, 3]"), and as a list of class names when
// it is one of text. `member` names it in defects.
void describe_npy(Bytes file, const std::string& path, const std::string& member, ArtifactFacts& facts,
                  Defects& defects);

// The same for each member of an archive.
void describe_npz(const ZipArchive& zip, ArtifactFacts& facts, Defects& defects);

}  // namespace runup::artifact
