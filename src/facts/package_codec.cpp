// SPDX-License-Identifier: Apache-2.0
#include "facts/observed_members.h"
#include "facts/package.h"
#include "facts/package_files.h"

namespace runup {

template struct Observed<ArchiveFacts>;
template struct Observed<PackageFacts>;

template struct StructCodec<RequirementsFacts>;
template struct StructCodec<LockFileFacts>;
template struct StructCodec<DockerfileFacts>;
template struct StructCodec<ArchiveFacts>;
template struct StructCodec<PackageFacts>;

}  // namespace runup
