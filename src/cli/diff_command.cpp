// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <format>
#include <optional>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/recorded_runs.h"
#include "report/difference.h"
#include "report/layout.h"
#include "report/summary.h"
#include "report/time_change.h"

namespace runup {

namespace {

constexpr std::size_t kMostBytes = std::size_t{256} << 20U;
constexpr std::uint32_t kVersion = 1;

// One of the two, and what to call it.
struct Side {
  Report report;
  // in the history; 0: it came from a file
  std::int64_t run = 0;
};

Result<Report> read_report(const std::string& path) {
  const auto text = read_file(path, kMostBytes);
  if (!text) {
    return std::unexpected(text.error());
  }
  const auto json = parse_json(*text, kMostBytes);
  if (!json) {
    return wrap(json.error(), std::format("`{}` is no JSON; expected a report of `runup run --report json`",
                                          printable(path)));
  }
  if (!json->is_object() || !json->contains("version") || !json->contains("verdict")) {
    return fail(ErrorCode::bad_input,
                std::format("`{}` is JSON, but not a report; expected one of `runup run --report json={}`",
                            printable(path), printable(path)));
  }
  if ((*json)["version"] != kVersion) {
    return fail(ErrorCode::unsupported,
                std::format("`{}` is a report of version {}; this runup reads version {}", printable(path),
                            dump_json((*json)["version"]), kVersion));
  }
  auto report = decode<Report>(*json);
  return report ? std::move(report) : wrap(report.error(), std::format("in `{}`", printable(path)));
}

// A file that has the name of a run is meant where the name says that it is a file.
std::optional<RunName> run_meant(std::string_view word) {
  return word.contains('/') || word.ends_with(".json") ? std::nullopt : read_run_name(word);
}

Result<Side> read_file_side(const std::string& path) {
  auto report = read_report(path);
  return report ? Result<Side>(Side{.report = std::move(*report)}) : std::unexpected(report.error());
}

Result<Side> read_run_side(const History& history, const RunName& name, const std::string& target,
                           std::int64_t before) {
  const auto run = find_run(history, name, target, before);
  if (!run) {
    return std::unexpected(run.error());
  }
  auto report = history.report(*run);
  return report ? Result<Side>(Side{.report = std::move(*report), .run = *run})
                : std::unexpected(report.error());
}

struct Sides {
  Result<Side> before;
  Result<Side> after;
};

Sides read_sides(const DiffArguments& arguments) {
  const auto before = run_meant(arguments.before);
  const auto after = run_meant(arguments.after);
  std::optional<Result<History>> history;
  if (before || after) {
    history = open_recorded(arguments.history);
    if (!*history) {
      return {.before = std::unexpected(history->error()), .after = Side{}};
    }
  }
  auto second =
      after ? read_run_side(**history, *after, arguments.target, 0) : read_file_side(arguments.after);
  if (!before) {
    return {.before = read_file_side(arguments.before), .after = std::move(second)};
  }
  // The last ready run is that before the other one, and of the same target: it may be ready itself.
  const bool relative = before->verdict && second;
  const std::string target = relative && arguments.target.empty() ? second->report.target : arguments.target;
  auto first = read_run_side(**history, *before, target, relative ? second->run : 0);
  return {.before = std::move(first), .after = std::move(second)};
}

std::string_view symbol_of(Change change) {
  switch (change) {
    case Change::worse:
      return "✗";
    case Change::better:
      return "✓";
    case Change::other:
      break;
  }
  return "~";
}

Tone tone_of(Change change) {
  switch (change) {
    case Change::worse:
      return Tone::bad;
    case Change::better:
      return Tone::good;
    case Change::other:
      break;
  }
  return Tone::doubt;
}

std::string status_words(const std::optional<Outcome>& outcome) {
  return outcome ? std::string(enum_name(outcome->status)) : "not judged";
}

class Page {
 public:
  Page(const Side& before, const Side& after, const Terminal& terminal)
      : before_(before.report),
        after_(after.report),
        before_run_(before.run),
        after_run_(after.run),
        difference_(compare(before.report, after.report)),
        colour_(terminal.colour),
        width_(text_width(terminal.width)) {}

  std::string text() {
    append_head();
    for (const ResultDifference& result : difference_.results) {
      append_result(result);
    }
    append_times();
    if (!difference_.circumstances.empty()) {
      out_ += "\n";
    }
    for (const Circumstance& one : difference_.circumstances) {
      append_wrapped(out_, "  " + paint(Tone::faint, pad(one.name, kName), colour_), 2 + kName,
                     std::format("{} → {}", one_line(one.before), one_line(one.after)), width_);
    }
    out_ += "\n" + summary() + "\n";
    return std::move(out_);
  }

  bool got_worse() const { return runup::got_worse(before_, after_, difference_); }

 private:
  static constexpr std::size_t kName = 11;

  static std::string run_words(const Report& report, std::int64_t run) {
    return std::format("{}{} on {}: {}", run > 0 ? std::format("#{}, ", run) : "", one_line(report.started),
                       one_line(report.host_name), one_line(report.verdict_reason));
  }

  void append_head() {
    const Tone tone = tone_of(after_.verdict);
    out_ += paint(Tone::strong, one_line(after_.target.empty() ? "no target" : after_.target), colour_);
    out_ += before_.verdict == after_.verdict
                ? std::format(": {}, as before\n", paint(tone, verdict_words(after_.verdict), colour_))
                : std::format(": {} → {}\n", verdict_words(before_.verdict),
                              paint(tone, verdict_words(after_.verdict), colour_));
    append_wrapped(out_, "  " + paint(Tone::faint, pad("before", kName), colour_), 2 + kName,
                   run_words(before_, before_run_), width_);
    append_wrapped(out_, "  " + paint(Tone::faint, pad("after", kName), colour_), 2 + kName,
                   run_words(after_, after_run_), width_);
    out_ += difference_.results.empty() ? "" : "\n";
  }

  // Only what is more than noise: the others are as before.
  void append_times() {
    bool any = false;
    for (const TimeChange& time : time_changes(before_, after_)) {
      if (!time.is_clear) {
        continue;
      }
      out_ += any ? "" : "\n";
      any = true;
      const bool slower = time.after > time.before;
      append_wrapped(out_, "  " + paint(slower ? Tone::bad : Tone::good, slower ? "↑" : "↓", colour_) + " ",
                     4, std::format("{}: {}", time.model, time_change_text(time)), width_);
    }
  }

  void append_result(const ResultDifference& result) {
    const Change change = change_of(result);
    const std::string name = std::format("{}/{}", one_line(result.model), one_line(result.check));
    const std::string before = status_words(result.before);
    const std::string after = status_words(result.after);
    const bool became_undecided =
        result.after && result.after->status == Status::undecided && before != after;
    const bool told = became_undecided && result.after->reason == told_;
    out_ += std::format("  {} {}  {}{}\n", paint(tone_of(change), symbol_of(change), colour_),
                        paint(Tone::strong, name, colour_),
                        before == after ? after + " as before" : std::format("{} → {}", before, after),
                        told ? ", for the same reason" : "");
    if (became_undecided && !told) {
      append_wrapped(out_, "      ", 6, result.after->reason, width_);
      told_ = result.after->reason;
    }
    append_findings("new", result, result.appeared);
    append_findings("gone", result, result.gone);
  }

  void append_findings(std::string_view word, const ResultDifference& result,
                       const std::vector<Finding>& findings) {
    for (const Finding& finding : findings) {
      append_wrapped(out_, "      " + paint(word == "new" ? Tone::bad : Tone::good, pad(word, 6), colour_),
                     12, std::format("{}: {}", enum_name(finding.severity), one_line(finding.message)),
                     width_);
      out_ += std::string(12, ' ') +
              paint(Tone::faint, one_line(std::format("{}/{}", result.check, finding.id)), colour_) + "\n";
    }
  }

  std::string summary() const {
    const auto number = [&](Change change) {
      return std::ranges::count_if(difference_.results,
                                   [&](const ResultDifference& one) { return change_of(one) == change; });
    };
    const auto worse = static_cast<std::uint64_t>(number(Change::worse));
    const auto better = static_cast<std::uint64_t>(number(Change::better));
    const auto other = static_cast<std::uint64_t>(number(Change::other));
    std::vector<std::string> parts;
    if (worse > 0) {
      parts.push_back(std::format("{} got worse", count_of(worse, "check", "checks")));
    }
    if (better > 0) {
      parts.push_back(std::format("{} got better", count_of(better, "check", "checks")));
    }
    if (other > 0) {
      parts.push_back(std::format("{} changed otherwise", count_of(other, "check", "checks")));
    }
    parts.push_back(std::format("{} as before", difference_.same));
    return join(parts, ", ");
  }

  const Report& before_;
  const Report& after_;
  std::int64_t before_run_;
  std::int64_t after_run_;
  ReportDifference difference_;
  bool colour_;
  std::size_t width_;
  std::string out_;
  // the last reason that was given: what blocks one check often blocks the next ones too
  std::string told_;
};

}  // namespace

ExitCode diff_command(const DiffArguments& arguments, const Session& session) {
  const auto [before, after] = read_sides(arguments);
  std::string told;
  for (const auto* side : {&before, &after}) {
    if (!*side && side->error().describe() != told) {
      told = side->error().describe();
      complain(told);
    }
  }
  if (!before || !after) {
    return ExitCode::undecided;
  }
  Page page(*before, *after, session.out);
  print(page.text());
  return page.got_worse() ? ExitCode::not_ready : ExitCode::ready;
}

}  // namespace runup
