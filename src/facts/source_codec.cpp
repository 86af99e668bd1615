// SPDX-License-Identifier: Apache-2.0
#include "facts/observed_members.h"
#include "facts/source.h"

namespace runup {

template struct Observed<SourceFacts>;

template struct StructCodec<SourceFacts>;

}  // namespace runup
