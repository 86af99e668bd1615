// SPDX-License-Identifier: Apache-2.0
#pragma once

// Executes a Plan: starts the probes that the selected checks need, gathers facts, calls the checks,
// settles outcomes and verdict. Never fails: whatever happens is in the report.

#include <atomic>
#include <chrono>
#include <cstdint>
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
  // how long a probe may take for one step (loading, one experiment); more is allowed for large files
  // and for many calls
  Duration step_timeout = Duration::from_seconds(60);
  // memory of one runtime probe with all that it starts; 0: 9/10 of what the host has available
  std::uint64_t runtime_memory_bytes = 0;
  // where compared inputs and outputs are written, absolute; empty: nowhere
  std::string save_outputs;
  // by which waivers expire, in UTC
  std::chrono::sys_days today = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
  // of an audit: the last ready report of the same target, with its number in the history; null: there is none
  const Report* last_ready = nullptr;
  std::int64_t last_ready_run = 0;
  // of an audit: asks systemd; without it, nobody asked
  std::function<Observed<UnitFacts>(const std::string& unit)> ask_unit;
};

// Takes `step_timeout` from $RUNUP_PROBE_TIMEOUT ("90s") and `runtime_memory_bytes` from
// $RUNUP_PROBE_MEMORY ("4GiB"), where they are set.
Result<void> read_limits_from_environment(RunnerSettings& settings);

Report run_plan(const Plan& plan, const RunnerSettings& settings);

}  // namespace runup
