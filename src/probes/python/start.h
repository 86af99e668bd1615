// SPDX-License-Identifier: Apache-2.0
#pragma once

// Starting an interpreter with a script of ours in it.

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"

namespace runup {

// A descriptor of this process, borrowed, and what it is in the new one.
struct PassedDescriptor {
  int own = -1;
  int as = -1;
};

// Starts `interpreter`, found in PATH when it is no path, in the current folder with this process's environment. Of the
// descriptors it gets those given, and 0, 1 and 2.
Result<pid_t> start_interpreter(const std::string& interpreter, std::vector<std::string> arguments,
                                const std::vector<PassedDescriptor>& descriptors);

}  // namespace runup
