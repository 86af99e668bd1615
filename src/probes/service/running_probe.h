// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace runup {

// The role that asks a server which runs already, as RunningRequest says, and sends one `running` message.
int running_probe_main();

}  // namespace runup
