// SPDX-License-Identifier: Apache-2.0
#include "facts/experiment.h"
#include "facts/host.h"
#include "facts/parity.h"
#include "facts/python.h"
#include "facts/runtime.h"

namespace runup {

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
