// SPDX-License-Identifier: Apache-2.0
#include "facts/artifact.h"
#include "facts/observed_members.h"

namespace runup {

template struct Observed<ArtifactFacts>;

template struct StructCodec<ArtifactFacts>;

}  // namespace runup
