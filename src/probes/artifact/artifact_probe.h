// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace runup {

// main() of the artifact probe's role: an ArtifactRequest on descriptor 3, the file as descriptor 4.
int artifact_probe_main();

}  // namespace runup
