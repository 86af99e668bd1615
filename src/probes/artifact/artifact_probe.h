// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace runup {

// The artifact probe: receives an ArtifactRequest on descriptor 3, maps the model file that is open
// at descriptor 4, and answers with one ArtifactFacts. It opens nothing by name. Returns the exit code.
int artifact_probe_main();

}  // namespace runup
