// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "facts/declaration.h"

namespace runup {

struct Interpreter {
  // absolute
  std::string path;
  // The config does not name it, nor does the package have one: whether it is the service's is not known.
  bool guessed = false;
};

// The service's interpreter: `python:`, else `.venv`, `venv` or `env` in the package, else `python3` in the
// PATH of `environment`. An error says where it was looked for and what to give.
Result<Interpreter> find_interpreter(const TargetDeclaration& target,
                                     const std::vector<std::string>& environment);

}  // namespace runup
