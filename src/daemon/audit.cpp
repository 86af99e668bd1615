// SPDX-License-Identifier: Apache-2.0
#include "daemon/audit.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <exception>
#include <format>

#include "daemon/low_priority.h"
#include "daemon/schedule.h"
#include "daemon/unit.h"
#include "history/history.h"
#include "runner/runner.h"

namespace runup {

template struct StructCodec<AuditResult>;

namespace {

constexpr std::size_t kMostResultBytes = std::size_t{4} << 20U;
constexpr std::string_view kTimingCheck = "warmup-budget";

std::atomic<bool> child_interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free);

extern "C" void note_interruption(int) { child_interrupted = true; }

// Times that are measured while the host is busy say nothing of the model.
void leave_out_times(Plan& plan, const std::string& why) {
  for (PlannedModel& model : plan.models) {
    for (PlannedCheck& check : model.checks) {
      if (check.id == kTimingCheck && check.skip_reason.empty()) {
        check.skip_reason = why;
      }
    }
  }
}

// The last ready run; what is wrong with the history is said in `problem`.
std::optional<RecordedReport> last_ready(const Result<History>& history, const std::string& target,
                                         std::string& problem) {
  auto last = history ? history->last_report(target, Verdict::ready) : std::unexpected(history.error());
  if (!last) {
    problem = last.error().describe();
    return std::nullopt;
  }
  return std::move(*last);
}

void reset_signals() {
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGPIPE}) {
    ::signal(number, number == SIGPIPE ? SIG_IGN : SIG_DFL);
  }
  struct sigaction action{};
  action.sa_handler = note_interruption;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGTERM, &action, nullptr);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void be_child(const Plan& plan, const AuditSettings& settings, const FileDescriptor& pipe,
                           pid_t parent) {
  // The parent may be gone already.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) {
    ::_exit(1);
  }
  ::prctl(PR_SET_NAME, "runup-audit");
  reset_signals();
  // What the parent has open is not the child's: its sockets, above all.
  const auto kept = static_cast<unsigned>(pipe.get());
  if (kept > 3) {
    ::close_range(3, kept - 1, 0);
  }
  ::close_range(kept + 1, ~0U, 0);
  take_low_priority();
  std::string text;
  try {
    text = dump_json(encode(audit_here(plan, settings, &child_interrupted).result));
  } catch (const std::exception& error) {
    [[maybe_unused]] const auto told =
        ::write(STDERR_FILENO, error.what(), std::char_traits<char>::length(error.what()));
    ::_exit(70);
  }
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t written = ::write(pipe.get(), rest.data(), rest.size());
    if (written < 0 && errno != EINTR) {
      ::_exit(74);
    }
    rest.remove_prefix(written > 0 ? static_cast<std::size_t>(written) : 0);
  }
  ::_exit(0);
}

std::string end_text(int status) {
  return WIFSIGNALED(status) ? std::format("signal {}", WTERMSIG(status))
                             : std::format("exit status {}", WEXITSTATUS(status));
}

}  // namespace

AuditResult summary_of(const Report& report) {
  AuditResult result{.target = report.target,
                     .verdict = report.verdict,
                     .reason = report.verdict_reason,
                     .started = report.started,
                     .took = report.took,
                     .measurements = report.measurements,
                     .waivers = report.waivers};
  const auto add = [&](AuditProblem problem) {
    if (result.problems.size() < AuditResult::kMostProblems) {
      result.problems.push_back(std::move(problem));
    }
  };
  for (const CheckResult& one : report.results) {
    result.outcomes.push_back({.model = one.model, .check = one.check, .status = one.outcome.status});
    for (const Finding& finding : one.outcome.findings) {
      if (finding.severity == Severity::error && !finding.accepted) {
        add({.model = one.model,
             .check = one.check,
             .finding = finding.id,
             .message = finding.message,
             .fix = finding.fix});
      }
    }
    if (one.outcome.status == Status::undecided) {
      add({.model = one.model, .check = one.check, .message = one.outcome.reason});
    }
  }
  return result;
}

AuditedReport audit_here(const Plan& plan, const AuditSettings& settings,
                         const std::atomic<bool>* interrupted) {
  RunnerSettings runner{
      .probe_folder = settings.probe_folder, .interrupted = interrupted, .ask_unit = ask_systemd};
  std::string problem;
  if (auto limits = read_limits_from_environment(runner); !limits) {
    problem = limits.error().describe();
  }
  auto history = settings.history.empty() ? fail(ErrorCode::not_found, "no history is kept")
                                          : History::open(settings.history);
  const auto before = last_ready(history, plan.target.target, problem);
  if (before) {
    runner.last_ready_run = before->run;
    runner.last_ready = &before->report;
  }
  Plan here = plan;
  if (const std::string busy = busy_words(); !busy.empty()) {
    leave_out_times(here, busy);
  }
  const std::int64_t started = now().wall;
  AuditedReport audited{.report = run_plan(here, runner), .result = {}};
  std::int64_t run = 0;
  if (history) {
    auto added = history->add(audited.report);
    run = added ? *added : 0;
    problem = added ? problem : added.error().describe();
  }
  audited.result = summary_of(audited.report);
  audited.result.started_wall = started;
  audited.result.run = run;
  audited.result.history_problem = settings.history.empty() ? "" : problem;
  return audited;
}

Result<AuditProcess> AuditProcess::start(const Plan& plan, const AuditSettings& settings) {
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return std::unexpected(system_error("cannot make a pipe", errno));
  }
  FileDescriptor reading(ends[0]);
  const FileDescriptor writing(ends[1]);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) {
    return std::unexpected(system_error("cannot start an audit", errno));
  }
  if (pid == 0) {
    be_child(plan, settings, writing, parent);
  }
  ::fcntl(reading.get(), F_SETFL, O_NONBLOCK);
  return AuditProcess(pid, std::move(reading));
}

AuditProcess::AuditProcess(AuditProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pipe_(std::move(other.pipe_)), text_(std::move(other.text_)) {}

AuditProcess& AuditProcess::operator=(AuditProcess&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pipe_, other.pipe_);
  std::swap(text_, other.text_);
  return *this;
}

AuditProcess::~AuditProcess() {
  if (pid_ > 0) {
    // Its supervisor sees it go, and ends the rest.
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
}

void AuditProcess::interrupt() const { ::kill(pid_, SIGTERM); }

std::optional<Result<AuditResult>> AuditProcess::take() {
  std::array<char, 16 * 1024> buffer{};
  while (true) {
    const ssize_t got = ::read(pipe_.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      return std::nullopt;
    }
    if (got <= 0) {
      break;
    }
    if (text_.size() < kMostResultBytes) {
      text_.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return fail(ErrorCode::system, std::format("the audit's process ended with {}", end_text(status)));
  }
  const auto json = parse_json(text_, kMostResultBytes);
  return json ? decode<AuditResult>(*json) : std::unexpected(json.error());
}

}  // namespace runup
