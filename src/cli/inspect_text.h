// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cli/terminal.h"
#include "facts/artifact.h"

namespace runup {

// What `runup inspect` prints: what the file is, what is wrong with it, its tensors as a tree, and
// everything else that it holds. Long lists are shortened and say by how much, unless `all`.
std::string render_inspection(const ArtifactFacts& facts, const std::string& file, bool all,
                              const Terminal& terminal);

}  // namespace runup
