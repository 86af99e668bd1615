// SPDX-License-Identifier: Apache-2.0
#pragma once

// Calling a session. Includes ONNX Runtime's headers: for this folder's sources only.

#include <memory>

#include "probes/onnxruntime/values.h"

namespace runup {

// A session, and the names that it knows.
struct LoadedSession {
  Ort::Session session{nullptr};
  // without those that an initializer fills
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
};

// Inputs are fed by their names; where none of them is one of the session's, in order.
std::unique_ptr<Model> make_model(LoadedSession session);

}  // namespace runup
