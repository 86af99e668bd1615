// SPDX-License-Identifier: Apache-2.0
#include "runner/tell.h"

#include <algorithm>
#include <format>

#include "base/text.h"
#include "check/wording.h"

namespace runup {

namespace {

bool ran(const ExperimentFacts& answer) {
  return !answer.absence && answer.error.empty() && (!answer.outputs.empty() || !answer.calls.empty());
}

std::string cpu_words(const HostFacts& host) {
  std::string words = count_of(host.cpus_allowed, "cpu", "cpus");
  if (host.cpu_quota && *host.cpu_quota < host.cpus_allowed) {
    words += std::format(" (quota {:.3g})", *host.cpu_quota);
  }
  return words;
}

std::string memory_words(const HostFacts& host) {
  std::string words = format_bytes(host.memory_bytes);
  if (host.memory_limit_bytes) {
    words += std::format(" (limit {})", format_bytes(*host.memory_limit_bytes));
  }
  return words;
}

}  // namespace

std::vector<ReportWitness> witnesses_of(const Facts& facts) {
  std::vector<ReportWitness> witnesses;
  const auto add = [&](const std::vector<Observed<RuntimeFacts>>& runtimes, const std::string& file) {
    for (const auto& runtime : runtimes) {
      if (runtime && std::ranges::any_of(runtime->experiments, ran)) {
        witnesses.push_back({.model = facts.model_name,
                             .library = runtime->witness.library,
                             .version = runtime->witness.version,
                             .device = runtime->witness.device,
                             .form = runtime->witness.form,
                             .file = file});
      }
    }
  };
  add(facts.runtimes, "");
  for (std::size_t i = 0; i < facts.conversions.size(); ++i) {
    add(facts.conversions[i].runtimes, shown_path(facts, facts.model.conversions[i].path));
  }
  return witnesses;
}

std::string host_words(const Observed<HostFacts>& host) {
  if (!host) {
    return {};
  }
  std::vector<std::string> parts;
  for (const std::string& part : {host->os, host->architecture, cpu_words(*host), memory_words(*host)}) {
    if (!part.empty()) {
      parts.push_back(part);
    }
  }
  for (const GpuFacts& gpu : host->gpus) {
    parts.push_back(gpu.name.empty() ? gpu.device : gpu.name);
  }
  return join(parts, ", ");
}

std::string acceptance_words(const std::string& model) {
  return std::format("`{}` needs no inference to be ready (`checks: {{inference: {{required: false}}}}`)",
                     model);
}

}  // namespace runup
