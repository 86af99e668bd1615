// SPDX-License-Identifier: Apache-2.0
#pragma once

// What machine this is: processors, memory and GPUs, each with the limits that a container sets.

#include <string>

#include "facts/host.h"

namespace runup {

// Reads /proc, /sys, /etc and /dev below `root` ("" for the real ones). Never fails: what a file does
// not tell stays empty. `cpus_allowed`, `kernel`, `architecture` and `name` are not in files; they
// are always this process's own.
HostFacts look_at_host(const std::string& root = "");

// main() of the host probe's role.
int host_probe_main();

}  // namespace runup
