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

// The folders that modules are imported from, absolute, the one that the service is started in first: that of its entry
// point (`python main.py`, `uvicorn main:app`), unless the factory's module is found from the package's root alone
// (`uvicorn app.main:app`).
std::vector<std::string> import_roots(const TargetDeclaration& target, const std::string& factory);

// The service's interpreter: `python:`, else that of an environment in the package (`.venv`, `venv`, `env`, else the
// first folder by name that venv or conda made), else `python3` in the PATH of `environment`. An error says where it was
// looked for and what to give.
Result<Interpreter> find_interpreter(const TargetDeclaration& target,
                                     const std::vector<std::string>& environment);

}  // namespace runup
