// SPDX-License-Identifier: Apache-2.0
#pragma once

// Calls of the model that the service's interpreter loaded.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "facts/python.h"
#include "probes/python/child.h"
#include "probes/runtime/model.h"

namespace runup {

// An exception of the interpreter as an error.
using Wording = std::function<Error(const ExceptionFacts&)>;

// `wording` is how refused calls are told; without one in the interpreter's words.
std::unique_ptr<Model> make_python_model(std::shared_ptr<PythonChild> child, Wording wording = {});

// Has the network made an archive without numbers, in the place of the numbers: `how` is `script`, or `trace` with
// these inputs. An error says why there is none.
Result<void> write_structure(PythonChild& child, std::string_view how,
                             const std::vector<InputValues>& inputs);

}  // namespace runup
