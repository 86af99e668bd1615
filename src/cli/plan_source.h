// SPDX-License-Identifier: Apache-2.0
#pragma once

// What commands say of configs and of the plugins that they and the plugin folder name.

#include <string>
#include <vector>

#include "program/load_plan.h"

namespace runup {

// The checks from outside that `list` and `explain` tell about, sorted by id: those of the plugin folder
// and, when there is a config (`config`, or runup.yaml when it is empty), those that it names.
struct KnownPlugins {
  std::vector<PluginInfo> plugins;
  // what could not be read or asked, in words
  std::vector<std::string> problems;
};
KnownPlugins known_plugins(const std::string& config);

// On stderr, one a line: "runup.yaml:4:3: message".
void print_errors(const std::vector<ConfigError>& errors);

std::string absolute_path(const std::string& path);

}  // namespace runup
