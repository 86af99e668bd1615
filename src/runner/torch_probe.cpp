// SPDX-License-Identifier: Apache-2.0
#include "runner/torch_probe.h"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <string_view>

namespace runup {

namespace {

// Writing a kernel cache or a registration file is a runtime's right, filling a disk is not; that is
// the bound on one file in RuntimeObserver's limits. Memory is what is bounded here.
constexpr double kShareOfMemory = 0.9;

}  // namespace

std::string torch_probe_program(const RunnerSettings& settings) {
  return settings.probe_folder + "/" + kTorchProbeName;
}

std::vector<std::string> runtime_environment(const Plan& plan) {
  std::map<std::string, std::string, std::less<>> variables;
  for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos) {
      variables.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  for (const auto& [name, value] : plan.service_environment) {
    variables[name] = value;
  }
  variables.erase("LD_PRELOAD");
  std::vector<std::string> environment;
  for (const auto& [name, value] : variables) {
    environment.push_back(name + "=" + value);
  }
  return environment;
}

std::uint64_t runtime_memory(const RunnerSettings& settings, const Observed<HostFacts>& host) {
  if (settings.runtime_memory_bytes > 0) {
    return settings.runtime_memory_bytes;
  }
  if (!host || host->memory_available_bytes == 0) {
    return 0;
  }
  const std::uint64_t limit = host->memory_limit_bytes.value_or(host->memory_available_bytes);
  const std::uint64_t available = std::min(limit, host->memory_available_bytes);
  return static_cast<std::uint64_t>(static_cast<double>(available) * kShareOfMemory);
}

}  // namespace runup
