// SPDX-License-Identifier: Apache-2.0
#pragma once

// The facts of a TorchScript archive's code: from its `code/` members, what `data.pkl` says of its
// modules, its constants, and the inputs that it was traced with.

#include "artifact/object_graph.h"
#include "artifact/torch_zip.h"

namespace runup::artifact {

// Fills facts.torchscript. `graph` is that of `data.pkl`, null when it could not be read; facts.globals are
// already those of `data.pkl`. What was left out is noted in facts.cut.
void read_torchscript(const TorchRecords& records, const ObjectGraph* graph, ArtifactFacts& facts);

// Adds what facts.tensors and facts.storages say of `constants.pkl`.
void note_constants(ArtifactFacts& facts);

}  // namespace runup::artifact
