// SPDX-License-Identifier: Apache-2.0
#pragma once

// From the file runup.yaml to a Plan. All mistakes of a config are found at once, and a config that
// has any gives no plan.

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/plan.h"
#include "report/report.h"

namespace runup {

struct ConfigError {
  // the config's path as it was given, or the argument: "--set models.sign.devise=cuda"
  std::string source;
  // from 1, in characters; 0: no place within the source
  std::uint64_t line = 0;
  std::uint64_t column = 0;
  // observed then expected, lower-case, no final period
  std::string message;
  // the mistake is in the command line, not in the file
  bool command_line = false;
  bool operator==(const ConfigError&) const = default;

  // "runup.yaml:12:5: message"
  std::string text() const;
};

struct LoadRequest {
  // relative to the working directory, as the user gave it
  std::string config = "runup.yaml";
  // `--set KEY=VALUE`
  std::vector<std::string> set;
  // `--select`, `--skip`: CHECK, MODEL/CHECK or TARGET/MODEL/CHECK, each part with `*` for any text
  std::vector<std::string> select;
  std::vector<std::string> skip;
  std::optional<int> jobs;
  bool strict = false;
  Profile profile = Profile::gate;
  std::span<const CatalogueEntry> catalogue;
  // absolute paths of the executables in the plugin folder
  std::vector<std::string> plugins;
  // asks one plugin what it is; called only for a config that has no other mistakes. Without it,
  // plugins are planned as checks that cannot run.
  std::function<Result<PluginInfo>(const std::string& path)> describe_plugin;
};

// Sorted by place.
std::expected<Plan, std::vector<ConfigError>> load_config(const LoadRequest& request);

SetupError as_setup_error(const ConfigError& error);
// bad_command_line when only the command line is wrong, else bad_config.
ExitCode exit_code(const std::vector<ConfigError>& errors);

}  // namespace runup
