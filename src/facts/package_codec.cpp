// SPDX-License-Identifier: Apache-2.0
#include "facts/package.h"
#include "facts/package_files.h"

namespace runup {

template struct StructCodec<RequirementsFacts>;
template struct StructCodec<LockFileFacts>;
template struct StructCodec<DockerfileFacts>;
template struct StructCodec<ArchiveFacts>;
template struct StructCodec<PackageFacts>;

}  // namespace runup
