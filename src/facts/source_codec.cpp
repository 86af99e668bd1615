// SPDX-License-Identifier: Apache-2.0
#include "facts/source.h"

namespace runup {

template struct StructCodec<SourceFacts>;

}  // namespace runup
