// SPDX-License-Identifier: Apache-2.0
#pragma once

// Files that a model file names: the external data of ONNX. The artifact reader opens no other file, so the
// package probe looks at them once the model file was read.

#include <string>
#include <vector>

#include "facts/facts.h"
#include "probes/protocol/channel.h"
#include "runner/context.h"

namespace runup {

// One question for each distinct place, asked by `KEY/external/LOCATION`, where `key` is the config's key of
// the model file (`models.sign.path`) and `path` the file itself. Places are relative to its folder; absolute
// ones, and those that lead out of the folder, are not looked at. At most 1,000.
std::vector<PathQuestion> reference_questions(const std::string& key, const std::string& path,
                                              const ArtifactFacts& artifact);

// Asks the package probe for them, and puts the answers behind the other paths of `package`. Leaves it as it is
// when there is nothing to ask, or the probe did not answer.
void observe_references(RunContext& context, const std::string& key, const std::string& path,
                        const Observed<ArtifactFacts>& artifact, Observed<PackageFacts>& package);

}  // namespace runup
