// SPDX-License-Identifier: Apache-2.0
#include "facts/service.h"

namespace runup {

template struct StructCodec<AnswerFacts>;
template struct StructCodec<StartFacts>;
template struct StructCodec<ServiceFacts>;

}  // namespace runup
