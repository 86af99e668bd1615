// SPDX-License-Identifier: Apache-2.0
#pragma once

// Executes a Plan: starts the probes that the selected checks need, gathers facts, calls the checks,
// settles outcomes and verdict. Never fails: whatever happens is in the report.

#include <atomic>
#include <functional>
#include <string>

#include "config/plan.h"
#include "report/report.h"

namespace runup {

struct RunnerSettings {
  // folder with `runup-probe-torch`; the core probes are roles of this very executable
  std::string probe_folder;
  // called from any thread with one line about what is being done now: "sign: inference (libtorch)"
  std::function<void(const std::string&)> progress;
  // set by a signal handler: stop, end every process, report what there is
  const std::atomic<bool>* interrupted = nullptr;
};

Report run_plan(const Plan& plan, const RunnerSettings& settings);

}  // namespace runup
