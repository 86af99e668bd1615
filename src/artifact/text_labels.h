// SPDX-License-Identifier: Apache-2.0
#pragma once

// Class names in JSON and plain text files, as `labels: {from: file}` names them.

#include "base/bytes.h"
#include "facts/artifact.h"

namespace runup::artifact {

// Adds the lists of names that a JSON document has, at its root and up to four levels below: lists of
// texts; maps from indices to texts or back; lists of objects with an index (`id`, `index`) and a name
// (`name`, `label`). Maps deeper than the root that do not number their entries from 0 are no labels.
// A file above 16 MiB, or one that is no JSON, has none.
void read_json_labels(Bytes file, ArtifactFacts& facts);

// Adds the list that a text file is: one name on each line, or an index and a name ("0 cat", "0,cat",
// "cat,0"). Blank lines at the end are no names; all others count.
void read_text_labels(Bytes file, ArtifactFacts& facts);

}  // namespace runup::artifact
