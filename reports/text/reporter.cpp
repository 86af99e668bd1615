// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <format>
#include <iterator>

#include "base/text.h"
#include "report/layout.h"
#include "report/report.h"
#include "report/summary.h"

namespace runup::reports::text {

namespace {

constexpr std::size_t kPipeWidth = 100;
constexpr std::size_t kMinWidth = 40;
constexpr std::size_t kMaxWidth = 120;
constexpr std::size_t kMaxIdColumns = 32;
// "error", "warning" or "note" and two blanks
constexpr std::size_t kSeverityColumns = 9;

struct Layout {
  std::size_t width = kPipeWidth;
  std::size_t id_columns = 0;
  std::size_t time_columns = 0;
  bool colour = false;
  bool verbose = false;
  bool brief = false;
};

struct Mark {
  std::string_view symbol;
  Tone tone;
};

Mark mark_of(const Outcome& outcome) {
  switch (outcome.status) {
    case Status::passed:
      return std::ranges::any_of(outcome.findings,
                                 [](const Finding& f) { return f.severity != Severity::note && !f.accepted; })
                 ? Mark{"!", Tone::doubt}
                 : Mark{"✓", Tone::good};
    case Status::failed:
      return {"✗", Tone::bad};
    case Status::skipped:
      return {"-", Tone::faint};
    case Status::undecided:
      break;
  }
  return {"?", Tone::doubt};
}

Tone tone_of(Severity severity) {
  switch (severity) {
    case Severity::error:
      return Tone::bad;
    case Severity::warning:
      return Tone::doubt;
    case Severity::note:
      break;
  }
  return Tone::name;
}

std::string evidence_item(const Evidence& item) {
  return item.name.empty() ? one_line(item.value)
                           : std::format("{}: {}", one_line(item.name), one_line(item.value));
}

// As many items as fit into `columns`; one that fits half is cut, and an ellipsis stands for the rest.
std::string evidence_text(const std::vector<Evidence>& evidence, std::size_t columns) {
  constexpr std::string_view kMore = " · …";
  constexpr std::size_t kWorthCutting = 16;
  std::string text;
  for (const Evidence& item : evidence) {
    const std::string longer = text + (text.empty() ? "" : " · ") + evidence_item(item);
    const std::size_t reserve = &item == &evidence.back() ? 0 : display_width(kMore);
    if (display_width(longer) + reserve > columns) {
      const bool cut = text.empty() || display_width(text) + kWorthCutting <= columns;
      return cut ? clip(longer, columns) : text + std::string(kMore);
    }
    text = longer;
  }
  return text;
}

// One item a line, the values in a column.
void append_evidence(std::string& out, const std::vector<Evidence>& evidence, std::size_t indent,
                     const Layout& layout) {
  std::size_t columns = 0;
  for (const Evidence& item : evidence) {
    columns = std::max(columns, std::min(display_width(one_line(item.name)), kMaxIdColumns));
  }
  for (const Evidence& item : evidence) {
    const std::string name = pad(clip(one_line(item.name), columns), columns);
    append_wrapped(out, std::string(indent, ' ') + paint(Tone::faint, name, layout.colour) + "  ",
                   indent + columns + 2, item.value, layout.width);
  }
}

void append_place(std::string& out, const CheckResult& result, const Finding& finding, std::size_t indent,
                  const Layout& layout) {
  const std::string blank(indent, ' ');
  const std::string where = one_line(location_text(finding.where));
  const std::string id = one_line(std::format("{}/{}", result.check, finding.id));
  const bool together = indent + display_width(where) + 3 + display_width(id) <= layout.width;
  if (where.empty() || together) {
    out += blank + paint(Tone::faint, where.empty() ? id : where + " · " + id, layout.colour) + "\n";
    return;
  }
  out += blank + paint(Tone::faint, where, layout.colour) + "\n";
  out += blank + paint(Tone::faint, id, layout.colour) + "\n";
}

// Notes ask for nothing, so that without --verbose they take little room.
bool is_shortened(const Finding& finding, const Layout& layout) {
  return finding.severity == Severity::note && !layout.verbose && !finding.accepted;
}

// One that somebody answers for: shown, but nothing has to be done about it now.
void append_accepted(std::string& out, const CheckResult& result, const Finding& finding,
                     const Layout& layout) {
  constexpr std::size_t kIndent = 6;
  constexpr std::size_t kText = kIndent + kSeverityColumns;
  append_wrapped(
      out, std::string(kIndent, ' ') + paint(Tone::name, pad("accepted", kSeverityColumns), layout.colour),
      kText, finding.message, layout.width);
  append_place(out, result, finding, kText, layout);
  append_wrapped(out, std::string(kText, ' '), kText,
                 std::format("{} {}, {}", finding.severity == Severity::error ? "an" : "a",
                             enum_name(finding.severity), acceptance_text(*finding.accepted)),
                 layout.width);
}

void append_finding(std::string& out, const CheckResult& result, const Finding& finding,
                    const Layout& layout) {
  constexpr std::size_t kIndent = 6;
  constexpr std::size_t kText = kIndent + kSeverityColumns;
  if (finding.accepted) {
    append_accepted(out, result, finding, layout);
    return;
  }
  const std::string severity =
      std::string(kIndent, ' ') +
      paint(tone_of(finding.severity), pad(enum_name(finding.severity), kSeverityColumns), layout.colour);
  if (is_shortened(finding, layout)) {
    const std::size_t room = layout.width > kText + 20 ? layout.width - kText : 20;
    out += severity + clip(one_line(finding.message), room) + "\n";
    out += std::string(kText, ' ') +
           paint(Tone::faint, one_line(std::format("{}/{}", result.check, finding.id)), layout.colour) + "\n";
    return;
  }
  append_wrapped(out, severity, kText, finding.message, layout.width);
  append_place(out, result, finding, kText, layout);
  append_evidence(out, finding.evidence, kText, layout);
  if (!finding.fix.empty()) {
    append_wrapped(out, std::string(kText, ' ') + paint(Tone::name, "fix: ", layout.colour), kText + 5,
                   finding.fix, layout.width);
  }
}

// What stands on the check's own line; a reason that does not fit there is given below it.
std::string headline(const Outcome& outcome, std::size_t columns, bool verbose) {
  const std::string findings = findings_text(outcome.findings);
  switch (outcome.status) {
    case Status::passed: {
      const std::string passed = findings.empty() ? "" : "passed with " + findings;
      if (verbose) {
        return passed.empty() ? "passed" : passed;
      }
      const std::size_t taken = passed.empty() ? 0 : display_width(passed) + 3;
      if (taken + 16 > columns) {
        return passed;
      }
      const std::string evidence = evidence_text(outcome.evidence, columns - taken);
      return passed + (passed.empty() || evidence.empty() ? "" : " · ") + evidence;
    }
    case Status::failed:
      return "failed with " + findings;
    case Status::skipped:
      return "skipped";
    case Status::undecided:
      break;
  }
  return findings.empty() ? "undecided" : std::format("undecided, with {}", findings);
}

// `told` is the last reason that was given for the same model: what blocks one check often blocks the
// next ones too, and then a word is enough.
void append_result(std::string& out, const CheckResult& result, std::string& told, const Layout& layout) {
  const Outcome& outcome = result.outcome;
  const Mark mark = mark_of(outcome);
  const bool unjudged = outcome.status == Status::undecided || outcome.status == Status::skipped;
  const bool repeated = unjudged && !told.empty() && outcome.reason == told && !layout.verbose;
  const bool has_reason = !outcome.reason.empty() && outcome.status != Status::passed && !repeated;
  const std::size_t head_columns = 4 + layout.id_columns + 2;
  const bool timed = outcome.status != Status::skipped && result.took.nanoseconds > 0;
  const std::size_t tail_columns = timed ? layout.time_columns + 2 : 0;
  const std::size_t room =
      layout.width > head_columns + tail_columns + 10 ? layout.width - head_columns - tail_columns : 10;

  std::string text = headline(outcome, room, layout.verbose);
  const std::string with_reason = std::format("{}: {}", text, one_line(outcome.reason));
  const bool reason_fits =
      has_reason && outcome.status != Status::failed && display_width(with_reason) <= room;
  text = clip(reason_fits ? with_reason : repeated ? text + ", for the same reason" : text, room);

  const bool loud = outcome.status == Status::failed || outcome.status == Status::undecided;
  std::string line = std::format(
      "  {} {}  {}", paint(mark.tone, mark.symbol, layout.colour),
      paint(loud ? Tone::strong : Tone::plain,
            pad(clip(one_line(result.check), layout.id_columns), layout.id_columns), layout.colour),
      paint(loud ? mark.tone : Tone::faint, text, layout.colour));
  if (timed) {
    const std::string time = pad_left(format_duration(result.took), layout.time_columns);
    const std::size_t used = head_columns + display_width(text);
    line += std::string(
        layout.width > used + layout.time_columns ? layout.width - used - layout.time_columns : 2, ' ');
    line += paint(Tone::faint, time, layout.colour);
  }
  line.erase(line.find_last_not_of(' ') + 1);
  out += line + "\n";

  if (has_reason && !reason_fits && outcome.status != Status::failed) {
    append_wrapped(out, std::string(6, ' '), 6, outcome.reason, layout.width);
  }
  if (layout.verbose) {
    append_evidence(out, outcome.evidence, 6, layout);
  }
  for (const Finding& finding : outcome.findings) {
    append_finding(out, result, finding, layout);
  }
  if (unjudged) {
    told = outcome.reason;
  }
  if (has_reason && outcome.status == Status::failed) {
    append_wrapped(out, std::string(6, ' ') + paint(Tone::doubt, "besides, undecided: ", layout.colour), 26,
                   outcome.reason, layout.width);
  }
}

void append_header_line(std::string& out, std::string_view name, std::string_view value,
                        const Layout& layout) {
  if (!value.empty()) {
    append_wrapped(out, "  " + paint(Tone::faint, pad(name, 9), layout.colour), 11, one_line(value),
                   layout.width);
  }
}

void append_header(std::string& out, const Report& report, const Layout& layout) {
  const std::string title = report.target.empty() ? "no target" : one_line(report.target);
  out += paint(Tone::strong, title, layout.colour) + "\n";
  append_header_line(out, "config", report.config, layout);
  append_header_line(out, "host",
                     report.host_name.empty() || report.host.empty() ? report.host_name + report.host
                                                                     : report.host_name + ": " + report.host,
                     layout);
  const bool several = models_of(report).size() > 1;
  for (const ReportWitness& witness : report.witnesses) {
    append_header_line(
        out, "witness",
        (several ? std::format("`{}`: ", witness.model) : std::string()) + witness_text(witness), layout);
  }
  if (report.witnesses.empty() && !report.results.empty()) {
    append_header_line(out, "witness", "none: no runtime ran a model", layout);
  }
  append_header_line(out, "runup",
                     report.runup_version + (report.started.empty() ? "" : ", " + report.started) +
                         (report.strict ? ", strict: warnings count as errors" : ""),
                     layout);
  out += "\n";
}

bool is_shown(const CheckResult& result, const Layout& layout) {
  return !layout.brief || result.outcome.status == Status::failed ||
         result.outcome.status == Status::undecided;
}

// "sign  5 passed, 1 failed"
std::string model_heading(const std::string& model, const Report& report, const Layout& layout) {
  std::vector<CheckResult> own;
  std::ranges::copy_if(report.results, std::back_inserter(own),
                       [&](const CheckResult& result) { return result.model == model; });
  return std::format("{}  {}\n", paint(Tone::strong, one_line(model), layout.colour),
                     paint(Tone::faint, statuses_text(count(own)), layout.colour));
}

bool append_results(std::string& out, const Report& report, const Layout& layout) {
  const std::vector<std::string> models = models_of(report);
  bool any = false;
  for (const std::string& model : models) {
    bool headed = models.size() == 1;
    std::string told;
    for (const CheckResult& result : report.results) {
      if (result.model != model || !is_shown(result, layout)) {
        continue;
      }
      if (!headed) {
        out += (any ? "\n" : "") + model_heading(model, report, layout);
        headed = true;
      }
      append_result(out, result, told, layout);
      any = true;
    }
  }
  return any;
}

void append_waivers(std::string& out, const Report& report, const Layout& layout) {
  for (const WaiverReport& waiver : report.waivers) {
    const bool old = is_out_of_date(waiver);
    append_wrapped(
        out, paint(old ? Tone::doubt : Tone::name, old ? "warning  " : "waiver   ", layout.colour), 9,
        std::format("{}{} {}", old ? "the waiver of " : "", waiver_name(waiver), waiver_text(waiver)),
        layout.width);
  }
}

// The id that the reader most likely wants to know more about.
std::string worth_explaining(const Report& report) {
  for (const CheckResult& result : report.results) {
    if (result.outcome.status == Status::failed && !result.outcome.findings.empty()) {
      // Errors stand first.
      return std::format("{}/{}", result.check, result.outcome.findings.front().id);
    }
  }
  return {};
}

// What else there is to read, a line each.
std::vector<std::string> hints(const Report& report, const Layout& layout) {
  std::vector<std::string> lines;
  if (layout.brief) {
    return lines;
  }
  if (const std::string id = worth_explaining(report); !id.empty()) {
    lines.push_back(std::format("more about a finding: runup explain {}", one_line(id)));
  }
  const bool shortened = std::ranges::any_of(report.results, [&](const CheckResult& result) {
    return std::ranges::any_of(result.outcome.findings,
                               [&](const Finding& f) { return is_shortened(f, layout); });
  });
  if (shortened) {
    lines.emplace_back("notes are shortened; --verbose shows them whole");
  }
  return lines;
}

// Always one line, so that the last line of the output is the verdict.
std::string verdict_line(const Report& report, const Layout& layout) {
  std::string text = one_line(report.verdict_reason);
  if (report.verdict != Verdict::ready && !report.results.empty()) {
    text += std::format(" ({})", statuses_text(count(report.results)));
  }
  if (report.took.nanoseconds > 0) {
    text += ", in " + format_duration(report.took);
  }
  const std::string words = paint(tone_of(report.verdict), verdict_words(report.verdict), layout.colour);
  return std::format("{}: {}\n", paint(Tone::strong, words, layout.colour), text);
}

Layout layout_for(const Report& report, const RenderOptions& options) {
  Layout layout{.colour = options.colour, .verbose = options.verbose, .brief = options.brief};
  if (options.width > 0) {
    layout.width = std::clamp(static_cast<std::size_t>(options.width), kMinWidth, kMaxWidth);
  }
  for (const CheckResult& result : report.results) {
    layout.id_columns =
        std::max(layout.id_columns, std::min(display_width(one_line(result.check)), kMaxIdColumns));
    layout.time_columns = std::max(layout.time_columns, display_width(format_duration(result.took)));
  }
  return layout;
}

}  // namespace

std::string render(const Report& report, const RenderOptions& options) {
  const Layout layout = layout_for(report, options);
  std::string out;
  if (!layout.brief) {
    append_header(out, report, layout);
  }
  bool any = append_results(out, report, layout);
  for (const SetupError& error : report.setup_errors) {
    append_wrapped(out, paint(Tone::bad, "error  ", layout.colour), 7, one_line(setup_error_text(error)),
                   layout.width);
    any = true;
  }
  if (!layout.brief && !report.waivers.empty()) {
    out += any ? "\n" : "";
    append_waivers(out, report, layout);
    any = true;
  }
  if (!layout.brief && !report.remarks.empty()) {
    out += any ? "\n" : "";
    for (const std::string& remark : report.remarks) {
      append_wrapped(out, paint(Tone::name, "note  ", layout.colour), 6, remark, layout.width);
    }
    any = true;
  }
  const std::vector<std::string> more = hints(report, layout);
  out += more.empty() ? "" : "\n";
  for (const std::string& hint : more) {
    out += paint(Tone::faint, hint, layout.colour) + "\n";
  }
  out += any ? "\n" : "";
  return out + verdict_line(report, layout);
}

extern const ReporterInfo kReporter;
const ReporterInfo kReporter{.name = "text",
                             .summary = "for people: one line a check, findings with their fix below",
                             .render = render};

}  // namespace runup::reports::text
