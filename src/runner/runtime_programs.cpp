// SPDX-License-Identifier: Apache-2.0
#include "runner/runtime_programs.h"

#include <unistd.h>

#include <algorithm>
#include <format>
#include <map>
#include <string>
#include <string_view>

#include "probes/supervisor/supervisor.h"

namespace runup {

namespace {

// Writing a kernel cache or a registration file is a runtime's right, filling a disk is not; that is
// the bound on one file in RuntimeObserver's limits. Memory is what is bounded here.
constexpr double kShareOfMemory = 0.9;

}  // namespace

const RuntimeProgram* runtime_program(ArtifactKind kind) {
  switch (kind) {
    case ArtifactKind::torch_zip:
    case ArtifactKind::torch_legacy:
    case ArtifactKind::torch_tar:
    case ArtifactKind::safetensors:
    case ArtifactKind::torchscript:
      return &kTorchProgram;
    case ArtifactKind::onnx:
      return &kOnnxRuntimeProgram;
    default:
      return nullptr;
  }
}

std::string program_path(const RunnerSettings& settings, const RuntimeProgram& program) {
  return std::format("{}/{}", settings.probe_folder, program.executable);
}

std::vector<std::string> program_command(const RunnerSettings& settings, const RuntimeProgram& program) {
  if (!program.role.empty()) {
    return {"/proc/self/exe", kProbeRole, std::string(program.role)};
  }
  return {program_path(settings, program)};
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
