// SPDX-License-Identifier: Apache-2.0
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <format>
#include <optional>

#include "cli/commands.h"
#include "cli/plan_source.h"
#include "cli/report_files.h"
#include "history/history.h"
#include "runner/runner.h"

namespace runup {

namespace {

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

std::string utc_now() {
  return std::format("{:%FT%TZ}", std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
}

// The report of a run that could not start.
Report setup_report(const RunArguments& arguments, const std::vector<ConfigError>& errors, Duration took) {
  Report report{.runup_version = RUNUP_VERSION,
                .config = absolute_path(arguments.config),
                .started = utc_now(),
                .took = took,
                .host_name = host_name(),
                .strict = arguments.strict};
  for (const ConfigError& error : errors) {
    report.setup_errors.push_back(as_setup_error(error));
  }
  settle_verdict(report, {});
  return report;
}

// All reports are tried, also after one that could not be written.
bool write_reports(const std::vector<ReportTarget>& targets, const Report& report,
                   const RunArguments& arguments, const Session& session) {
  bool written = true;
  std::error_code unknown;
  const std::string folder = std::filesystem::current_path(unknown).string();
  for (const ReportTarget& target : targets) {
    const bool on_screen = target.path.empty();
    const RenderOptions options{.colour = on_screen && session.out.colour,
                                .width = on_screen ? session.out.width : 0,
                                .verbose = arguments.verbose,
                                .brief = on_screen && arguments.quiet,
                                .folder = folder};
    if (auto done = write_report(target, target.format->render(report, options)); !done) {
      complain(done.error().describe());
      written = false;
    } else if (!on_screen) {
      spdlog::info("wrote the {} report to `{}`", target.format->name, target.path);
    }
  }
  return written;
}

// Of what was recorded a verdict does not depend, so that a history which cannot be written is only a warning.
void record(const Report& report, const RunArguments& arguments) {
  if (!arguments.record && arguments.history.empty()) {
    return;
  }
  if (report.target.empty()) {
    complain("warning: the run is not recorded: without a config that can be read it has no target");
    return;
  }
  const std::string path = arguments.history.empty() ? usual_history_path() : arguments.history;
  auto history = History::open(path);
  const auto run = history ? history->add(report) : std::unexpected(history.error());
  if (run) {
    spdlog::info("recorded the run as #{} in `{}`", *run, path);
  } else {
    complain("warning: the run is not recorded: " + run.error().describe());
  }
}

// With a report on the same terminal the reader would see every mistake twice.
bool shown_on_terminal(const std::vector<ReportTarget>& targets, const Session& session) {
  for (const ReportTarget& target : targets) {
    if (target.path.empty() && target.format->name == "text") {
      return session.out.is_terminal && session.err.is_terminal;
    }
  }
  return false;
}

// What an audit is compared with, where there is a history.
std::optional<RecordedReport> last_ready_run(const RunArguments& arguments, const std::string& target) {
  const auto history =
      History::open_to_read(arguments.history.empty() ? usual_history_path() : arguments.history);
  auto last = history ? history->last_report(target, Verdict::ready) : std::unexpected(history.error());
  return last ? std::move(*last) : std::nullopt;
}

}  // namespace

ExitCode run_command(const RunArguments& arguments, const Session& session) {
  const Duration start = steady_now();
  const auto targets = read_report_targets(arguments.reports);
  if (!targets) {
    complain(targets.error().describe());
    return ExitCode::bad_command_line;
  }
  RunnerSettings settings{.probe_folder = session.probe_folder, .interrupted = &SignalWatch::flag()};
  if (!arguments.save_outputs.empty()) {
    settings.save_outputs = std::filesystem::absolute(arguments.save_outputs).string();
  }
  if (auto limits = read_limits_from_environment(settings); !limits) {
    complain(limits.error().describe());
    return ExitCode::bad_command_line;
  }
  const SignalWatch signals;
  ProgressLine progress(session.err);
  if (!arguments.quiet) {
    progress.show("reading the config");
  }

  Report report;
  std::optional<RecordedReport> earlier;
  ExitCode result = ExitCode::undecided;
  const auto plan = load_plan({.config = arguments.config,
                               .set = arguments.set,
                               .select = arguments.select,
                               .skip = arguments.skip,
                               .jobs = arguments.jobs,
                               .strict = arguments.strict,
                               .profile = arguments.profile == "audit" ? Profile::audit : Profile::gate},
                              &SignalWatch::flag());
  if (!plan) {
    progress.clear();
    report = setup_report(arguments, plan.error(), steady_now() - start);
    result = exit_code(plan.error());
    if (!shown_on_terminal(*targets, session)) {
      print_errors(plan.error());
    }
  } else {
    spdlog::info("read `{}` in {}", arguments.config, format_duration(steady_now() - start));
    if (!arguments.quiet) {
      settings.progress = [&progress](const std::string& text) { progress.show(text); };
    }
    if (plan->profile == Profile::audit) {
      earlier = last_ready_run(arguments, plan->target.target);
      settings.last_ready_run = earlier ? earlier->run : 0;
      settings.last_ready = earlier ? &earlier->report : nullptr;
    }
    report = run_plan(*plan, settings);
    progress.clear();
    result = exit_code(report);
  }
  if (!write_reports(*targets, report, arguments, session) && result == ExitCode::ready) {
    // A verdict that nobody can read is none.
    result = ExitCode::undecided;
  }
  record(report, arguments);
  return result;
}

}  // namespace runup
