// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace runup {

// The whole program after main(): reads the command line, runs the command, returns the exit code.
int run_command_line(int argc, char** argv);

}  // namespace runup
