// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <format>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/recorded_runs.h"
#include "report/layout.h"
#include "report/summary.h"
#include "report/time_change.h"

namespace runup {

namespace {

// Of one target, and of each where there are several.
constexpr std::size_t kRunsOfOne = 20;
constexpr std::size_t kRunsOfEach = 5;

struct TargetRuns {
  std::string target;
  // the newest first
  std::vector<RunSummary> runs;
  // how the times of the newest run moved since the last ready run before it, and that run
  std::vector<TimeChange> times;
  std::int64_t since = 0;
};

// "2026-11-27 05:10"; the offset stands behind it where it is not UTC's.
std::string minute_of(std::string_view started) {
  constexpr std::size_t kMinutes = std::string_view("2026-11-27T05:10").size();
  if (started.size() < kMinutes + 4) {
    return one_line(started);
  }
  const std::size_t offset = started.find_first_of("Z+-", kMinutes);
  const std::string_view zone = offset == std::string_view::npos ? "" : started.substr(offset);
  return one_line(
      std::format("{} {}{}", started.substr(0, 10), started.substr(11, 5), zone == "Z" ? "" : zone));
}

// What is told of a model's times in one line: warm inferences, else how long it loads.
std::vector<TimeChange> one_a_model(const std::vector<TimeChange>& changes) {
  std::vector<TimeChange> told;
  for (const std::string_view name : {"p95", "load"}) {
    for (const TimeChange& change : changes) {
      if (change.name == name && !std::ranges::contains(told, change.model, &TimeChange::model)) {
        told.push_back(change);
      }
    }
  }
  return told;
}

Result<void> add_times(const History& history, TargetRuns& of) {
  const auto ready = history.runs(
      {.target = of.target, .most = 1, .before = of.runs.front().run, .verdict = Verdict::ready});
  if (!ready || ready->empty()) {
    return ready ? Result<void>{} : std::unexpected(ready.error());
  }
  of.since = ready->front().run;
  const auto before = history.report(of.since);
  const auto after = history.report(of.runs.front().run);
  if (!before || !after) {
    return std::unexpected(before ? after.error() : before.error());
  }
  of.times = one_a_model(time_changes(*before, *after));
  return {};
}

Result<std::vector<TargetRuns>> read_runs(const History& history, const HistoryArguments& arguments) {
  const auto targets = history.targets();
  if (!targets) {
    return std::unexpected(targets.error());
  }
  if (!arguments.target.empty() && !std::ranges::contains(*targets, arguments.target)) {
    const auto meant = did_you_mean(arguments.target, *targets);
    return fail(ErrorCode::not_found,
                std::format("there is no run of `{}`; {}", printable(arguments.target),
                            meant ? std::format("did you mean `{}`?", *meant) : targets_text(*targets)));
  }
  const std::vector<std::string> asked =
      arguments.target.empty() ? *targets : std::vector<std::string>{arguments.target};
  std::vector<TargetRuns> all;
  for (const std::string& target : asked) {
    const auto most = static_cast<std::size_t>(arguments.most.value_or(0));
    auto runs = history.runs({.target = target,
                              .most = most > 0            ? most
                                      : asked.size() == 1 ? kRunsOfOne
                                                          : kRunsOfEach});
    if (!runs) {
      return std::unexpected(runs.error());
    }
    if (!runs->empty()) {
      all.push_back({.target = target, .runs = std::move(*runs)});
    }
  }
  return all;
}

class HistoryPage {
 public:
  HistoryPage(const std::vector<TargetRuns>& all, const Terminal& terminal)
      : colour_(terminal.colour), width_(text_width(terminal.width)) {
    for (const TargetRuns& of : all) {
      for (const RunSummary& run : of.runs) {
        number_ = std::max(number_, std::format("#{}", run.run).size());
        started_ = std::max(started_, display_width(minute_of(run.started)));
        profile_ = std::max(profile_, display_width(one_line(run.profile)));
        took_ = std::max(took_, display_width(format_duration(run.took)));
      }
    }
    for (const TargetRuns& of : all) {
      append(of);
    }
  }

  std::string take() { return std::move(out_); }

 private:
  static constexpr std::size_t kVerdict = std::string_view("UNDECIDED").size();

  void append(const TargetRuns& of) {
    out_ += (out_.empty() ? "" : "\n") +
            paint(Tone::strong, of.target.empty() ? "no target" : one_line(of.target), colour_) + "\n";
    for (const RunSummary& run : of.runs) {
      append(run);
      if (run.run == of.runs.front().run) {
        append_times(of);
      }
    }
  }

  void append(const RunSummary& run) {
    const std::string first = std::format(
        "  {}  {}  {}  {}  {}  ", paint(Tone::name, pad_left(std::format("#{}", run.run), number_), colour_),
        pad(minute_of(run.started), started_),
        paint(tone_of(run.verdict), pad(verdict_words(run.verdict), kVerdict), colour_),
        paint(Tone::faint, pad(one_line(run.profile), profile_), colour_),
        pad_left(format_duration(run.took), took_));
    append_wrapped(out_, first, number_ + started_ + kVerdict + profile_ + took_ + 12,
                   one_line(run.verdict_reason), width_);
  }

  void append_times(const TargetRuns& of) {
    for (const TimeChange& time : of.times) {
      const Tone tone = !time.is_clear ? Tone::faint : time.after > time.before ? Tone::bad : Tone::good;
      const std::string_view mark = !time.is_clear ? "~" : time.after > time.before ? "↑" : "↓";
      append_wrapped(out_, std::string(number_ + 4, ' ') + paint(tone, mark, colour_) + " ", number_ + 6,
                     std::format("{}: {}, since #{}", time.model, time_change_text(time), of.since), width_);
    }
  }

  bool colour_;
  std::size_t width_;
  std::size_t number_ = 0;
  std::size_t started_ = 0;
  std::size_t profile_ = 0;
  std::size_t took_ = 0;
  std::string out_;
};

// What to do with the numbers.
std::string next_steps(const std::vector<TargetRuns>& all) {
  const std::vector<RunSummary>& runs = all.front().runs;
  std::string text = std::format("times are UTC · runup history --show {}", runs.front().run);
  if (runs.size() > 1) {
    text += std::format(" · runup diff {} {}", runs[1].run, runs[0].run);
  }
  return text;
}

std::string runs_json(const std::vector<TargetRuns>& all) {
  Json runs = Json::array();
  for (const TargetRuns& of : all) {
    for (const RunSummary& run : of.runs) {
      runs.push_back(encode(run));
    }
  }
  return dump_json(Json{{"version", 1}, {"runs", std::move(runs)}}, 2) + "\n";
}

ExitCode show(const History& history, const HistoryArguments& arguments) {
  // The parser has let only names of runs pass.
  const auto run = find_run(history, *read_run_name(arguments.show), arguments.target);
  const auto report = run ? history.report(*run) : std::unexpected(run.error());
  if (!report) {
    complain(report.error().describe());
    return ExitCode::undecided;
  }
  print(dump_json(encode(*report), 2) + "\n");
  return ExitCode::ready;
}

}  // namespace

ExitCode history_command(const HistoryArguments& arguments, const Session& session) {
  const auto history = open_recorded(arguments.history);
  if (!history) {
    complain(history.error().describe());
    return ExitCode::undecided;
  }
  if (!arguments.show.empty()) {
    return show(*history, arguments);
  }
  auto all = read_runs(*history, arguments);
  if (!all) {
    complain(all.error().describe());
    return ExitCode::undecided;
  }
  if (arguments.json) {
    print(runs_json(*all));
    return ExitCode::ready;
  }
  for (TargetRuns& of : *all) {
    if (auto added = add_times(*history, of); !added) {
      complain(added.error().describe());
    }
  }
  std::string text = HistoryPage(*all, session.out).take();
  if (all->empty()) {
    text = "no run is kept\n";
  } else if (session.out.is_terminal) {
    text += "\n" + paint(Tone::faint, next_steps(*all), session.out.colour) + "\n";
  }
  print(text);
  return ExitCode::ready;
}

}  // namespace runup
