// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "artifact/zip.h"
#include "probes/archive/entry.h"

namespace runup {

// What the record of the central directory `record`, whole and of `member`, says of the entry.
ArchiveEntry zip_entry(Bytes record, const artifact::ZipMember& member);

}  // namespace runup
