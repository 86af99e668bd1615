// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <format>
#include <optional>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/text.h"
#include "cli/commands.h"
#include "report/difference.h"
#include "report/layout.h"
#include "report/summary.h"

namespace runup {

namespace {

constexpr std::size_t kMostBytes = std::size_t{256} << 20U;
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kPlainWidth = 100;
constexpr std::size_t kMaxWidth = 120;

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
  Page(const Report& before, const Report& after, const Terminal& terminal)
      : before_(before),
        after_(after),
        difference_(compare(before, after)),
        colour_(terminal.colour),
        width_(terminal.width > 0 ? std::min(static_cast<std::size_t>(terminal.width), kMaxWidth)
                                  : kPlainWidth) {}

  std::string text() {
    append_head();
    for (const ResultDifference& result : difference_.results) {
      append_result(result);
    }
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

  std::string run_words(const Report& report) const {
    return std::format("{} on {}: {}", one_line(report.started), one_line(report.host_name),
                       one_line(report.verdict_reason));
  }

  void append_head() {
    const Tone tone = after_.verdict == Verdict::ready       ? Tone::good
                      : after_.verdict == Verdict::not_ready ? Tone::bad
                                                             : Tone::doubt;
    out_ += paint(Tone::strong, one_line(after_.target.empty() ? "no target" : after_.target), colour_);
    out_ += before_.verdict == after_.verdict
                ? std::format(": {}, as before\n", paint(tone, verdict_words(after_.verdict), colour_))
                : std::format(": {} → {}\n", verdict_words(before_.verdict),
                              paint(tone, verdict_words(after_.verdict), colour_));
    append_wrapped(out_, "  " + paint(Tone::faint, pad("before", kName), colour_), 2 + kName,
                   run_words(before_), width_);
    append_wrapped(out_, "  " + paint(Tone::faint, pad("after", kName), colour_), 2 + kName,
                   run_words(after_), width_);
    out_ += difference_.results.empty() ? "" : "\n";
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
  ReportDifference difference_;
  bool colour_;
  std::size_t width_;
  std::string out_;
  // the last reason that was given: what blocks one check often blocks the next ones too
  std::string told_;
};

}  // namespace

ExitCode diff_command(const DiffArguments& arguments, const Session& session) {
  const auto before = read_report(arguments.before);
  const auto after = read_report(arguments.after);
  for (const auto* report : {&before, &after}) {
    if (!*report) {
      complain(report->error().describe());
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
