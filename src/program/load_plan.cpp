// SPDX-License-Identifier: Apache-2.0
#include "program/load_plan.h"

#include <utility>

#include "check/catalogue.h"
#include "runner/plugin.h"

namespace runup {

Result<PluginInfo> PluginAsker::describe(const std::string& path) {
  if (!supervisor_) {
    auto started = Supervisor::start(interrupted_);
    if (!started) {
      return std::unexpected(started.error());
    }
    supervisor_ = std::move(*started);
  }
  return describe_plugin(*supervisor_, path);
}

std::expected<Plan, std::vector<ConfigError>> load_plan(LoadRequest request,
                                                        const std::atomic<bool>* interrupted) {
  request.catalogue = built_in_checks();
  request.plugins = plugins_of_folders();
  const auto asker = std::make_shared<PluginAsker>(interrupted);
  request.describe_plugin = [asker](const std::string& path) { return asker->describe(path); };
  return load_config(request);
}

}  // namespace runup
