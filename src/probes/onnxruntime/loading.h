// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "facts/declaration.h"
#include "probes/onnxruntime/library.h"
#include "probes/runtime/model.h"

namespace runup {

// Makes a session of the model as a service does: by its path, since external data lies beside it, with
// ONNX Runtime's own defaults and the execution provider that `declaration.device` means. The path must
// still name the file of descriptor 4.
//
// Which provider got the nodes is read back from the session's own log, see placements.h.
Loaded load_session(const ModelDeclaration& declaration, const Library& library);

}  // namespace runup
