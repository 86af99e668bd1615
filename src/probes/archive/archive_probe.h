// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace runup {

// main() of the archive probe's role: unpacks the archive of descriptor 4 into the folder of its request, and
// answers with ArchiveFacts. Refuses when the host, not the archive, is in the way.
int archive_probe_main();

}  // namespace runup
