// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include <onnxruntime_cxx_api.h>

#include "base/result.h"
#include "probes/onnxruntime/placements.h"

namespace runup {

// ONNX Runtime in this process. Outlives every session.
struct Library {
  // "1.21.0"
  std::string version;
  // what the log of its sessions is read into
  std::unique_ptr<Placements> placements;
  std::unique_ptr<Ort::Env> environment;
};

// Loads ONNX Runtime and makes its C++ API ready: the library at `path`, or the system's when that is
// empty. Called once in a process; the library stays loaded.
// Its environment, of which it has one for the process, is made too.
//
// Errors say what is wrong with the library: not there, not loadable here, no ONNX Runtime, or none with a
// C API (the module of Python wheels before 1.21 or so exports none).
Result<Library> load_onnxruntime(const std::string& path);

}  // namespace runup
