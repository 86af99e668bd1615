// SPDX-License-Identifier: Apache-2.0
#pragma once

// The Python sources of a service, read with an interpreter's own `ast` and not run: read_source.py in a process that
// may write nowhere and has no network.

#include "facts/source.h"
#include "probes/protocol/channel.h"

namespace runup {

// Starts the interpreter and waits for as long as it takes: who watches this process has the deadline. An error when it
// cannot be started, ends without an answer, or is no Python 3.8 or later.
Result<SourceFacts> read_source(const SourceRequest& request);

// main() of the source probe's role.
int source_probe_main();

}  // namespace runup
