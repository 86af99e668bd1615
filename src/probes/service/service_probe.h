// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace runup {

// The role that starts the server once, as ServiceRequest says, asks it, stops it, and sends one `service` message; or
// that keeps a fork server for such starts, and says so with an empty one.
int service_probe_main();

}  // namespace runup
