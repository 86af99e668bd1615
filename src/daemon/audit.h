// SPDX-License-Identifier: Apache-2.0
#pragma once

// One audit in a process of its own: it has low priority, it can be ended, what it needed is gone afterwards, and
// whatever happens to it is a result. The daemon learns what an AuditResult holds; the whole report goes into the history.

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "config/plan.h"
#include "report/report.h"

namespace runup {

// A finding that stands in the way, or a check that could not be decided.
struct AuditProblem {
  std::string model;
  std::string check;
  // the finding's id; empty where the check is undecided
  std::string finding;
  std::string message;
  std::string fix;
  bool operator==(const AuditProblem&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"model", &AuditProblem::model}, Field{"check", &AuditProblem::check},
                      Field{"finding", &AuditProblem::finding}, Field{"message", &AuditProblem::message},
                      Field{"fix", &AuditProblem::fix}};
  }
};

// How one check on one model ended.
struct AuditOutcome {
  std::string model;
  std::string check;
  Status status = Status::undecided;
  bool operator==(const AuditOutcome&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"model", &AuditOutcome::model}, Field{"check", &AuditOutcome::check},
                      Field{"status", &AuditOutcome::status}};
  }
};

struct AuditResult {
  std::string target;
  Verdict verdict = Verdict::undecided;
  std::string reason;
  // ISO 8601, and the same as nanoseconds since 1970
  std::string started;
  std::int64_t started_wall = 0;
  Duration took;
  // in the history; 0: it is not there, and `history_problem` says why
  std::int64_t run = 0;
  std::string history_problem;
  std::vector<AuditOutcome> outcomes;
  // errors and undecided checks, at most kMostProblems
  std::vector<AuditProblem> problems;
  std::vector<Measurement> measurements;
  std::vector<WaiverReport> waivers;
  static constexpr std::size_t kMostProblems = 100;
  bool operator==(const AuditResult&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"target", &AuditResult::target},
                      Field{"verdict", &AuditResult::verdict},
                      Field{"reason", &AuditResult::reason},
                      Field{"started", &AuditResult::started},
                      Field{"started_wall", &AuditResult::started_wall},
                      Field{"took", &AuditResult::took},
                      Field{"run", &AuditResult::run},
                      Field{"history_problem", &AuditResult::history_problem},
                      Field{"outcomes", &AuditResult::outcomes},
                      Field{"problems", &AuditResult::problems},
                      Field{"measurements", &AuditResult::measurements},
                      Field{"waivers", &AuditResult::waivers}};
  }
};

// What the daemon keeps of a report.
AuditResult summary_of(const Report& report);

struct AuditSettings {
  std::string probe_folder;
  // of the history; empty: none is kept
  std::string history;
};

// Runs the audit here: reads the last ready run from the history, runs the plan, adds the report.
struct AuditedReport {
  Report report;
  AuditResult result;
};
AuditedReport audit_here(const Plan& plan, const AuditSettings& settings,
                         const std::atomic<bool>* interrupted);

// The same in a child process.
class AuditProcess {
 public:
  // Forks; to be called while this process has one thread.
  static Result<AuditProcess> start(const Plan& plan, const AuditSettings& settings);
  AuditProcess(AuditProcess&& other) noexcept;
  AuditProcess& operator=(AuditProcess&& other) noexcept;
  AuditProcess(const AuditProcess&) = delete;
  AuditProcess& operator=(const AuditProcess&) = delete;
  // Ends the process and all that it started.
  ~AuditProcess();

  // Readable when there is something to take, or the process has gone.
  int fd() const { return pipe_.get(); }
  // Takes what is there; the result when the process has sent it and ended, or an error that says how it ended without.
  // Nothing while it runs.
  std::optional<Result<AuditResult>> take();
  // Asks it to end; the report then says that it was interrupted.
  void interrupt() const;
  pid_t pid() const { return pid_; }

 private:
  AuditProcess(pid_t pid, FileDescriptor pipe) : pid_(pid), pipe_(std::move(pipe)) {}
  pid_t pid_ = -1;
  FileDescriptor pipe_;
  std::string text_;
};

extern template struct StructCodec<AuditResult>;

}  // namespace runup
