// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace runup {

inline constexpr const char* kTorchProbe = "runup-probe-torch";
inline constexpr const char* kOnnxRuntimeProbe = "runup-probe-onnxruntime";

// Where the runtime probes are: beside this executable, or in ../libexec/runup or ../lib/runup of it when one is there.
std::string find_probe_folder();

}  // namespace runup
