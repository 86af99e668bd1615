// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "artifact/pickle_value.h"

namespace runup::artifact {

// The pickle that the whole file is, written by pickle.dump or joblib.dump (not compressed); nothing
// when it is none. Protocols 2 and later say so at the start; an older one must read to its very end.
std::optional<Pickle> read_plain_pickle(Bytes file);

void describe_plain_pickle(Bytes file, const Pickle& pickle, ArtifactFacts& facts, Defects& defects);

}  // namespace runup::artifact
