// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the daemon knows of its targets, and what it says of them over HTTP: whether a gate is open, and the metrics.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/codec.h"
#include "daemon/audit.h"
#include "daemon/schedule.h"

namespace runup {

struct TargetState {
  // the config's `target:`, and its file
  std::string name;
  std::string config;
  // what is wrong with the file as it is now; the plan is then the last good one, or none
  std::vector<std::string> config_errors;
  bool has_plan = false;
  // a verdict of this age counts as none
  Duration stale_after;
  // of the last audit that ended; nothing: there was none yet
  std::optional<AuditResult> last;
  // when it ended, by the boot clock; of one that the history has from before the start, by the age it had then
  std::int64_t last_boot = 0;
  // why the last audit gave no result; empty when it did
  std::string audit_problem;
  // what asked for the audit that runs or waits: "its time", "models/sign.pth changed", "POST /audit"; empty: none does
  std::string pending;
  bool running = false;
  // when the next one is due by itself, by the wall clock; for people
  std::int64_t next_wall = 0;
  // since the daemon's start
  std::map<Verdict, std::uint64_t> audits;
  std::uint64_t failed_audits = 0;
};

Duration age_of(const TargetState& target, const Moment& now);
bool is_stale(const TargetState& target, const Moment& now);

// Whether a load balancer or a deploy script may go on: 200 when the last verdict is ready, of this target and not
// stale; else 503.
struct Gate {
  bool open = false;
  // one clause
  std::string reason;
};
Gate gate_of(const TargetState& target, const Moment& now);

// The body of /gate/TARGET.
struct GateAnswer {
  std::string target;
  bool open = false;
  std::string reason;
  // of the last audit: `ready`, `not-ready`, `undecided`, or `unknown` where there was none
  std::string verdict;
  std::string started;
  Duration age;
  Duration stale_after;
  std::int64_t run = 0;
  std::vector<AuditProblem> problems;
  // what asked for an audit that has not ended yet
  std::string pending;
  std::vector<std::string> config_errors;
  static constexpr auto fields() {
    return std::tuple{Field{"target", &GateAnswer::target},
                      Field{"open", &GateAnswer::open},
                      Field{"reason", &GateAnswer::reason},
                      Field{"verdict", &GateAnswer::verdict},
                      Field{"started", &GateAnswer::started},
                      Field{"age", &GateAnswer::age},
                      Field{"stale_after", &GateAnswer::stale_after},
                      Field{"run", &GateAnswer::run},
                      Field{"problems", &GateAnswer::problems},
                      Field{"pending", &GateAnswer::pending},
                      Field{"config_errors", &GateAnswer::config_errors}};
  }
};
GateAnswer gate_answer(const TargetState& target, const Moment& now);

// In the text format of Prometheus (version 0.0.4), names by its conventions: base units, `_total` for what only grows.
std::string metrics_text(const std::vector<const TargetState*>& targets, const Moment& now,
                         bool history_works);

}  // namespace runup
