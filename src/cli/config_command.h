// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cli/commands.h"

namespace runup {

// `runup config`: prints the resolved config and where each value came from.
struct ConfigArguments {
  std::string config = kDefaultConfig;
  std::vector<std::string> set;
  bool json = false;
  // the JSON schema of the config file instead; reads no config
  bool schema = false;
};
ExitCode config_command(const ConfigArguments& arguments, const Session& session);

}  // namespace runup
