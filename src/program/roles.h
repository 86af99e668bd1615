// SPDX-License-Identifier: Apache-2.0
#pragma once

// The core executable is also its own supervisor and core probes: they are started by executing
// /proc/self/exe again with a hidden first argument, so that one file is all there is to install.
//
//   runup __supervisor                               ends everything that was started
//   runup __probe artifact|weights|package|service|...      one probe, which talks on descriptor 3

#include <optional>

namespace runup {

// Called first of all in main(), before any parsing. When the arguments ask for a role, plays it and
// returns the process's exit code; otherwise returns nothing.
std::optional<int> run_role(int argc, char** argv);

}  // namespace runup
