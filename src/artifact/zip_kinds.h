// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "artifact/zip.h"

namespace runup::artifact {

// Which of the formats that are zips this one is, by its members' names; reads what is known of it.
void describe_zip(Bytes file, const ZipArchive& zip, ArtifactFacts& facts, Defects& defects);

}  // namespace runup::artifact
