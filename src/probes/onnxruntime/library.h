// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"

namespace runup {

// Loads ONNX Runtime and makes its C++ API ready: the library at `path`, or the system's when that is
// empty. Called once in a process; the library stays loaded.
//
// What its start prints to stderr is held back (Debian's build prints hundreds of lines "Schema error:
// Trying to register schema ..." and works), and let through when loading fails.
//
// Errors say what is wrong with the library: not there, not loadable here, no ONNX Runtime, or none with a
// C API (the module of Python wheels before 1.21 or so exports none).
// Returns its version: "1.21.0".
Result<std::string> load_onnxruntime(const std::string& path);

}  // namespace runup
