// SPDX-License-Identifier: Apache-2.0
#include "facts/declaration.h"
#include "facts/facts.h"

namespace runup {

template struct StructCodec<ModelDeclaration>;
template struct StructCodec<TargetDeclaration>;
template struct StructCodec<ConversionFacts>;
template struct StructCodec<Facts>;

}  // namespace runup
