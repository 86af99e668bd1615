// SPDX-License-Identifier: Apache-2.0
#pragma once

// One start of the server from its exec to its end: waited for, asked, stopped.

#include "probes/protocol/service_request.h"
#include "probes/service/file_watch.h"
#include "probes/service/launch.h"
#include "probes/service/listeners.h"

namespace runup {

// `started` is the moment of the exec, and `files` was there before it. All processes of the service are gone afterwards, or have been sent SIGKILL.
ServiceAnswer drive(const ServiceRequest& request, LaunchedService service, FileWatch files,
                    const Surroundings& surroundings, std::uint16_t port, Duration started);

}  // namespace runup
