// SPDX-License-Identifier: Apache-2.0
#include "facts/observed_members.h"
#include "facts/service.h"

namespace runup {

template struct Observed<StartFacts>;
template struct Observed<ServiceFacts>;

template struct StructCodec<AnswerFacts>;
template struct StructCodec<StartFacts>;
template struct StructCodec<ServiceFacts>;

}  // namespace runup
