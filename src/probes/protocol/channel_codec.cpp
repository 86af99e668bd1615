// SPDX-License-Identifier: Apache-2.0
#include "probes/protocol/channel.h"

namespace runup {

template struct StructCodec<ProbeMessage>;
template struct StructCodec<ArtifactRequest>;
template struct StructCodec<WeightsRequest>;
template struct StructCodec<PackageRequest>;
template struct StructCodec<ArchiveRequest>;
template struct StructCodec<SourceRequest>;
template struct StructCodec<HostRequest>;
template struct StructCodec<RuntimeRequest>;

}  // namespace runup
