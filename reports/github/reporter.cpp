// SPDX-License-Identifier: Apache-2.0

// Workflow commands of GitHub Actions, which make annotations ("Workflow commands for GitHub Actions" in GitHub's
// documentation): `::error file=F,line=N,title=T::TEXT`. A command is one line; `%`, CR and LF are escaped in its text,
// `:` and `,` besides in its properties.

#include <algorithm>
#include <format>
#include <utility>

#include "base/text.h"
#include "report/report.h"
#include "report/summary.h"

namespace runup::reports::github {

namespace {

// GitHub shows ten errors, ten warnings and ten notices of a step.
constexpr std::size_t kShownOfAKind = 10;

std::string escaped(std::string_view raw, bool property) {
  std::string text;
  for (const char c : printable(raw)) {
    switch (c) {
      case '%':
        text += "%25";
        break;
      case '\n':
        text += "%0A";
        break;
      case '\r':
        text += "%0D";
        break;
      case ':':
        text += property ? "%3A" : ":";
        break;
      case ',':
        text += property ? "%2C" : ",";
        break;
      default:
        text += c;
    }
  }
  return text;
}

struct Annotation {
  // `error`, `warning`, `notice`
  std::string_view kind;
  std::string title;
  std::string text;
  std::string file;
  std::uint64_t line = 0;
  std::uint64_t column = 0;
};

std::string_view kind_of(Severity severity) {
  switch (severity) {
    case Severity::error:
      return "error";
    case Severity::warning:
      return "warning";
    case Severity::note:
      break;
  }
  return "notice";
}

std::string command(const Annotation& annotation) {
  std::string properties;
  const auto add = [&](std::string_view name, std::string_view value) {
    properties += std::format("{}{}={}", properties.empty() ? " " : ",", name, escaped(value, true));
  };
  if (!annotation.file.empty()) {
    add("file", annotation.file);
  }
  if (annotation.line > 0) {
    add("line", std::to_string(annotation.line));
  }
  if (annotation.column > 0) {
    add("col", std::to_string(annotation.column));
  }
  add("title", annotation.title);
  return std::format("::{}{}::{}\n", annotation.kind, properties, escaped(annotation.text, false));
}

std::string titled(const Report& report, const CheckResult& result, std::string_view what) {
  return std::format("{}/{}/{}", report.target, result.model, what);
}

Annotation of_finding(const Report& report, const CheckResult& result, const Finding& finding,
                      std::string_view folder) {
  Annotation annotation{.kind = finding.accepted ? "notice" : kind_of(finding.severity),
                        .title = titled(report, result, std::format("{}/{}", result.check, finding.id)) +
                                 (finding.accepted ? " (accepted)" : ""),
                        .text = finding.message,
                        .file = path_of(report, finding.where, folder),
                        .line = finding.where.line.value_or(0)};
  if (!finding.where.key.empty()) {
    annotation.text += std::format("\nat: `{}`", finding.where.key);
  }
  if (finding.accepted) {
    annotation.text += "\n" + acceptance_text(*finding.accepted);
  } else if (!finding.fix.empty()) {
    annotation.text += std::format("\nfix: {}", finding.fix);
  }
  return annotation;
}

std::vector<Annotation> annotations_of(const Report& report, std::string_view folder) {
  std::vector<Annotation> all;
  for (const SetupError& error : report.setup_errors) {
    all.push_back({.kind = "error",
                   .title = "runup's config",
                   .text = error.message,
                   .file = path_of(report, error.file, folder),
                   .line = error.line,
                   .column = error.column});
  }
  for (const CheckResult& result : report.results) {
    for (const Finding& finding : result.outcome.findings) {
      all.push_back(of_finding(report, result, finding, folder));
    }
    if (result.outcome.status == Status::undecided) {
      all.push_back({.kind = "error",
                     .title = titled(report, result, result.check) + " is undecided",
                     .text = result.outcome.reason,
                     .file = path_of(report, Location{}, folder)});
    }
  }
  for (const WaiverReport& waiver : report.waivers) {
    if (is_out_of_date(waiver)) {
      all.push_back({.kind = "warning",
                     .title = std::format("{}: waiver of {}", report.target, waiver_name(waiver)),
                     .text = waiver_text(waiver),
                     .file = path_of(report, Location{}, folder),
                     .line = waiver.line});
    }
  }
  return all;
}

std::string render(const Report& report, const RenderOptions& options) {
  std::string out;
  std::vector<Annotation> all = annotations_of(report, options.folder);
  std::size_t left_out = 0;
  for (const std::string_view kind : {"error", "warning", "notice"}) {
    // One notice or error is the verdict's.
    std::size_t room = kShownOfAKind - 1;
    for (const Annotation& annotation : all) {
      if (annotation.kind == kind) {
        out += room > 0 ? command(annotation) : "";
        left_out += room > 0 ? 0 : 1;
        room -= room > 0 ? 1 : 0;
      }
    }
  }
  std::string reason = report.verdict_reason;
  if (left_out > 0) {
    reason += std::format("\n{} not shown here: GitHub shows {} of a kind; see runup's other reports",
                          count_of(left_out, "annotation is", "annotations are"), kShownOfAKind);
  }
  out += command({.kind = report.verdict == Verdict::ready ? "notice" : "error",
                  .title = std::format("{}{}{}", report.target, report.target.empty() ? "" : ": ",
                                       verdict_words(report.verdict)),
                  .text = reason});
  return out;
}

}  // namespace

extern const ReporterInfo kReporter;
const ReporterInfo kReporter{.name = "github",
                             .summary = "for GitHub Actions: annotations beside the files they are about",
                             .render = render};

}  // namespace runup::reports::github
