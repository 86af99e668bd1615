// SPDX-License-Identifier: Apache-2.0
#include "facts/observed_members.h"
#include "facts/past.h"

namespace runup {

template struct Observed<PastRunFacts>;
template struct Observed<UnitFacts>;
template struct Observed<RunningFacts>;
template struct StructCodec<StandingFacts>;

}  // namespace runup
