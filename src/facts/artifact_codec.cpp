// SPDX-License-Identifier: Apache-2.0
#include "facts/artifact.h"

namespace runup {

template struct StructCodec<ArtifactFacts>;

}  // namespace runup
