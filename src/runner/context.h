// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <shared_mutex>
#include <string>

#include "probes/supervisor/supervisor.h"
#include "runner/runner.h"

namespace runup {

// What everything that observes shares during one run.
struct RunContext {
  const Plan& plan;
  const RunnerSettings& settings;
  Supervisor& supervisor;
  // Held shared by every probe that runs, and alone by one that measures time: a figure is only worth
  // something while nothing else of ours runs.
  std::shared_mutex quiet;

  void progress(const std::string& line) const {
    if (settings.progress) {
      settings.progress(line);
    }
  }
  bool interrupted() const { return settings.interrupted != nullptr && settings.interrupted->load(); }
};

}  // namespace runup
