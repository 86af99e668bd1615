// SPDX-License-Identifier: Apache-2.0
#include "facts/experiment.h"
#include "facts/host.h"
#include "facts/observed_members.h"
#include "facts/parity.h"
#include "facts/python.h"
#include "facts/runtime.h"

namespace runup {

template struct Observed<HostFacts>;
template struct Observed<ElsewhereFacts>;
template struct Observed<RuntimeFacts>;
template struct Observed<WeightParityFacts>;

template struct StructCodec<Experiment>;
template struct StructCodec<HostFacts>;
template struct StructCodec<PythonFacts>;
template struct StructCodec<LoadFacts>;
template struct StructCodec<ColdStartFacts>;
template struct StructCodec<LimitFacts>;
template struct StructCodec<ExperimentFacts>;
template struct StructCodec<RuntimeFacts>;
template struct StructCodec<ParityFacts>;
template struct StructCodec<WeightParityFacts>;

}  // namespace runup
