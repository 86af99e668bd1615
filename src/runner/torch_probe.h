// SPDX-License-Identifier: Apache-2.0
#pragma once

// How the torch probe is started.

#include "facts/host.h"
#include "runner/context.h"

namespace runup {

inline constexpr const char* kTorchProbeName = "runup-probe-torch";
inline constexpr const char* kTorchProbeRemedy =
    "install it beside `runup`, or build with `-DRUNUP_TORCH=ON` where libtorch is";

std::string torch_probe_program(const RunnerSettings& settings);

// The caller's environment with the service's own over it: thread counts and allocator settings there
// change what a model's latency is. Without LD_PRELOAD, which would be somebody else's code in the
// probe.
std::vector<std::string> runtime_environment(const Plan& plan);

// What one runtime probe may use of memory: the setting, or 9/10 of what this host has available now,
// so that runup ends the probe before the kernel ends something else. 0 when nothing is known.
std::uint64_t runtime_memory(const RunnerSettings& settings, const Observed<HostFacts>& host);

}  // namespace runup
