// SPDX-License-Identifier: Apache-2.0
#pragma once

// A damaged file in the place of a file of the package, which itself is not touched.

#include <string>
#include <vector>

#include "base/result.h"
#include "probes/protocol/service_request.h"
#include "probes/sandbox/view.h"

namespace runup {

// Writes what is seen instead of the file into the scratch folder; its path, empty for Damage::missing.
Result<std::string> write_damaged(const ServiceRequest& request);

// Shows the package where it stands on the server, with the damage in it: in a view of this process's own, else in a
// copy of the package in the scratch folder, and makes the request's paths those of there. `host_lines` come first in
// /etc/hosts. What could not be had goes to `unprotected`. Sets `in_copy`. An error where the damage cannot be put
// anywhere.
Result<void> place_package(ServiceRequest& request, const std::string& host_lines,
                           std::vector<std::string>& unprotected, bool& in_copy);

// The same in the view of the start that this process has joined, with what write_damaged() wrote before.
Result<void> change_joined_view(ServiceRequest& request, const std::string& host_lines,
                                const std::string& replacement);

}  // namespace runup
