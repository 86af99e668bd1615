// SPDX-License-Identifier: Apache-2.0
#include "cli/plan_source.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <format>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/terminal.h"
#include "report/layout.h"
#include "runner/plugin.h"

namespace runup {

namespace {

void add_plugin(KnownPlugins& known, PluginInfo plugin) {
  if (!std::ranges::contains(known.plugins, plugin.id, &PluginInfo::id)) {
    known.plugins.push_back(std::move(plugin));
  }
}

void add_plugins_of_folders(KnownPlugins& known) {
  PluginAsker asker(nullptr);
  for (const std::string& path : plugins_of_folders()) {
    if (auto plugin = asker.describe(path)) {
      add_plugin(known, std::move(*plugin));
    } else {
      known.problems.push_back(std::format("plugin `{}`: {}", path, plugin.error().describe()));
    }
  }
}

// A plan has the plugins of the folders too.
bool add_plugins_of_config(KnownPlugins& known, const std::string& config) {
  const auto plan = load_plan({.config = config}, nullptr);
  if (!plan) {
    known.problems.push_back(
        std::format("the plugins of `{}` are not known, because it has {}; see `runup config {}`", config,
                    count_of(plan.error().size(), "mistake", "mistakes"), config));
    return false;
  }
  for (const PlannedModel& model : plan->models) {
    for (const PlannedCheck& check : model.checks) {
      if (check.plugin) {
        add_plugin(known, *check.plugin);
      }
      std::string problem = std::format("plugin `{}`: {}", check.id, check.cannot_run);
      if (!check.cannot_run.empty() && !std::ranges::contains(known.problems, problem)) {
        known.problems.push_back(std::move(problem));
      }
    }
  }
  return true;
}

}  // namespace

KnownPlugins known_plugins(const std::string& config) {
  KnownPlugins known;
  const std::string named = config.empty() ? kDefaultConfig : config;
  const bool wanted = !config.empty() || ::access(kDefaultConfig, F_OK) == 0;
  if (!wanted || !add_plugins_of_config(known, named)) {
    add_plugins_of_folders(known);
  }
  std::ranges::sort(known.plugins, {}, &PluginInfo::id);
  return known;
}

void print_errors(const std::vector<ConfigError>& errors) {
  for (const ConfigError& error : errors) {
    [[maybe_unused]] const auto written = write_output(STDERR_FILENO, one_line(error.text()) + "\n");
  }
}

std::string absolute_path(const std::string& path) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  return error ? path : absolute.lexically_normal().string();
}

}  // namespace runup
