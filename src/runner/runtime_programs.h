// SPDX-License-Identifier: Apache-2.0
#pragma once

// The probes that run models, and how they are started.

#include <string_view>

#include "facts/artifact.h"
#include "facts/host.h"
#include "runner/context.h"

namespace runup {

struct RuntimeProgram {
  // in the folder of the probes; empty for a role of runup itself
  std::string_view executable;
  std::string_view role = {};
  // "the torch probe"
  std::string_view who;
  // the runtime, for progress: "libtorch"
  std::string_view library;
  // what to do when the program is not there
  std::string_view remedy;
};

inline constexpr RuntimeProgram kTorchProgram{
    .executable = "runup-probe-torch",
    .who = "the torch probe",
    .library = "libtorch",
    .remedy =
        "install it (the Debian package `runup-torch`), or build with `-DRUNUP_TORCH=ON` where libtorch is"};
inline constexpr RuntimeProgram kOnnxRuntimeProgram{
    .executable = "runup-probe-onnxruntime",
    .who = "the onnxruntime probe",
    .library = "ONNX Runtime",
    .remedy =
        "install it (the Debian package `runup-onnxruntime`), or build with `-DRUNUP_ONNXRUNTIME=ON` where "
        "ONNX Runtime's headers are"};

// The service's own interpreter, which makes the predictor by its factory.
inline constexpr RuntimeProgram kPythonProgram{.executable = {},
                                               .role = "python",
                                               .who = "the python probe",
                                               .library = "the service's Python",
                                               .remedy = {}};

// The probe for files of this kind; null when none runs them.
const RuntimeProgram* runtime_program(ArtifactKind kind);

std::string program_path(const RunnerSettings& settings, const RuntimeProgram& program);
// How it is started.
std::vector<std::string> program_command(const RunnerSettings& settings, const RuntimeProgram& program);

// The caller's environment with the service's own over it: thread counts and allocator settings there
// change what a model's latency is. Without LD_PRELOAD, which would be somebody else's code in the
// probe.
std::vector<std::string> runtime_environment(const Plan& plan);

// What one runtime probe may use of memory: the setting, or 9/10 of what this host has available now,
// so that runup ends the probe before the kernel ends something else. 0 when nothing is known.
std::uint64_t runtime_memory(const RunnerSettings& settings, const Observed<HostFacts>& host);

}  // namespace runup
