// SPDX-License-Identifier: Apache-2.0
#pragma once

// From the command line to a plan: the config, and the plugins that it and the plugin folder name.

#include <atomic>
#include <expected>
#include <string>
#include <vector>

#include "config/load.h"

namespace runup {

// `request` needs no catalogue, plugins or describe_plugin: they are filled in here. Plugins are asked
// what they are, so processes are started; `interrupted` ends them.
std::expected<Plan, std::vector<ConfigError>> load_plan(LoadRequest request,
                                                        const std::atomic<bool>* interrupted);

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
