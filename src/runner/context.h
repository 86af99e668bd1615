// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <shared_mutex>
#include <string>
#include <vector>

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

  // What the report shall say beside the outcomes, from any thread.
  void remark(std::string text) {
    const std::lock_guard lock(remarks_mutex);
    remarks.push_back(std::move(text));
  }
  std::mutex remarks_mutex;
  std::vector<std::string> remarks;

  void progress(const std::string& line) const {
    if (settings.progress) {
      settings.progress(line);
    }
  }
  bool interrupted() const { return settings.interrupted != nullptr && settings.interrupted->load(); }
};

}  // namespace runup
