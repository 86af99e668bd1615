// SPDX-License-Identifier: Apache-2.0
#pragma once

// From a request to a plan, with the checks of this executable and the plugins of this host.

#include <atomic>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "config/load.h"
#include "probes/supervisor/supervisor.h"

namespace runup {

// Asks plugins what they are. Starts its supervisor with the first question: most configs have no plugin.
class PluginAsker {
 public:
  // `interrupted` may be null; when it is set, whatever was started is ended.
  explicit PluginAsker(const std::atomic<bool>* interrupted) : interrupted_(interrupted) {}
  Result<PluginInfo> describe(const std::string& path);

 private:
  const std::atomic<bool>* interrupted_;
  std::unique_ptr<Supervisor> supervisor_;
};

// `request` needs no catalogue, plugins or describe_plugin: they are filled in here. Plugins are asked
// what they are, so processes are started; `interrupted` ends them.
std::expected<Plan, std::vector<ConfigError>> load_plan(LoadRequest request,
                                                        const std::atomic<bool>* interrupted);

}  // namespace runup
