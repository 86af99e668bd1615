// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/duration.h"
#include "base/result.h"

namespace runup {

struct ProgramOutput {
  // exit status; 128 and the signal's number when one ended it
  int status = 0;
  // of stdout and stderr together, its beginning
  std::string text;
};

// Runs a program of the system (argv[0] is looked for in PATH) with nothing on stdin, at most for `patience`. Errors:
// `not_found`, `limit` when it took longer.
Result<ProgramOutput> run_program(const std::vector<std::string>& argv, Duration patience);

}  // namespace runup
