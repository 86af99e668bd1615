// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "artifact/defects.h"
#include "base/bytes.h"

namespace runup::artifact {

// What np.save(names) wrote: a one-dimensional array of text (`<U7`, `|S7`) or of Python objects (a
// pickle). Adds its class names under `path` and returns what it is in words ("str [12]"); nothing
// for arrays of any other kind.
std::optional<std::string> read_npy_labels(Bytes file, const std::string& path, ArtifactFacts& facts);

}  // namespace runup::artifact
