// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cli/commands.h"

namespace runup {

// `runup init`: looks at a package and writes a config for it.
struct InitArguments {
  std::string folder = ".";
  // empty: runup.yaml in `folder`; `-`: standard output
  std::string output;
  // an existing file is written over
  bool force = false;
  // also writes architectures/MODEL.pt; with a config that is there already, that alone
  bool architecture = false;
};
ExitCode init_command(const InitArguments& arguments, const Session& session);

}  // namespace runup
