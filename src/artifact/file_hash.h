// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "artifact/defects.h"
#include "artifact/pages.h"
#include "artifact/zip.h"
#include "base/bytes.h"

namespace runup::artifact {

// Lower-case hex SHA-256 of the file and, in the same pass, the checksums of the stored members of
// `zip` (null: there is none); those that differ are defects. Members whose bytes overlap another's
// are left out, which the archive's own defects tell.
std::string hash_file(Bytes file, const ZipArchive* zip, const PageRelease& pages, Defects& defects);

// Unpacks the deflated members and compares their checksums, at most four gigabytes in all; what is
// beyond is noted in `facts.cut`.
void check_deflated(Bytes file, const ZipArchive& zip, ArtifactFacts& facts, Defects& defects);

}  // namespace runup::artifact
