// SPDX-License-Identifier: Apache-2.0

// GitHub-flavoured Markdown for a comment or a step summary. What files and models say is text, never markup: no link,
// image, HTML or mention comes out of it. GitHub takes comments of 65,536 characters; what is longer is left out by
// whole sections, the least urgent first, and the end says so.

#include <algorithm>
#include <format>
#include <utility>

#include "base/text.h"
#include "report/layout.h"
#include "report/report.h"
#include "report/summary.h"

namespace runup::reports::markdown {

namespace {

constexpr std::size_t kMostBytes = 60'000;
constexpr std::size_t kLongestText = 1'500;

// Text that stays as it is: every character that could begin markup is escaped, `@` and `#` (mentions and links to
// issues) by what keeps GitHub from seeing them.
std::string plain(std::string_view raw) {
  const std::string shown = clip(one_line(raw), kLongestText);
  std::string text;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const char c = shown[i];
    switch (c) {
      case '<':
        text += "&lt;";
        break;
      case '>':
        text += "&gt;";
        break;
      case '&':
        text += "&amp;";
        break;
      case '@':
        text += "&#64;";
        break;
      case '#':
        text += "&#35;";
        break;
      // `http://x` and `www.x` become links without any mark
      case ':':
        text += std::string_view(shown).substr(i).starts_with("://") ? "&#58;" : ":";
        break;
      case '\\':
      case '*':
      case '_':
      case '[':
      case ']':
      case '|':
      case '~':
      case '!':
      case '$':
        text += '\\';
        text += c;
        break;
      default:
        text += c;
    }
  }
  for (std::size_t at = text.find("www."); at != std::string::npos; at = text.find("www.", at + 4)) {
    text.replace(at, 4, "www&#46;");
  }
  return text;
}

// As code: between more backticks than it has in a row. In a table `|` would still end the cell.
std::string code(std::string_view raw) {
  std::string text;
  for (const char c : clip(one_line(raw), kLongestText)) {
    text += c == '|' ? "¦" : std::string(1, c);
  }
  std::size_t longest = 0;
  std::size_t run = 0;
  for (const char c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  const std::string fence(longest + 1, '`');
  const bool edged = text.starts_with('`') || text.ends_with('`') || text.empty();
  return edged ? std::format("{} {} {}", fence, text, fence) : fence + text + fence;
}

// Messages have names in backticks, which are code here too; what is between them is text.
std::string prose(std::string_view raw) {
  const std::string text = clip(one_line(raw), kLongestText);
  std::string out;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t open = text.find('`', at);
    const std::size_t close = open == std::string::npos ? open : text.find('`', open + 1);
    if (close == std::string::npos) {
      // A single one is text.
      std::string rest = plain(std::string_view(text).substr(at));
      std::ranges::replace(rest, '`', '\'');
      return out + rest;
    }
    out += plain(std::string_view(text).substr(at, open - at));
    out += close == open + 1 ? "" : code(std::string_view(text).substr(open + 1, close - open - 1));
    at = close + 1;
  }
  return out;
}

std::string_view symbol_of(Status status) {
  switch (status) {
    case Status::passed:
      return "✅";
    case Status::failed:
      return "❌";
    case Status::skipped:
      return "➖";
    case Status::undecided:
      break;
  }
  return "❔";
}

std::string_view symbol_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::ready:
      return "✅";
    case Verdict::not_ready:
      return "❌";
    case Verdict::undecided:
      break;
  }
  return "❔";
}

std::string finding_item(const CheckResult& result, const Finding& finding) {
  std::string item =
      std::format("- **{}{}**: {}  \n  {}", finding.accepted ? "accepted " : "", enum_name(finding.severity),
                  prose(finding.message), code(std::format("{}/{}", result.check, finding.id)));
  if (!finding.where.file.empty()) {
    item += std::format(" in {}", code(finding.where.file));
  }
  if (finding.where.line) {
    item += std::format(", line {}", *finding.where.line);
  }
  if (!finding.where.key.empty()) {
    item += std::format(" at {}", code(finding.where.key));
  }
  for (const Evidence& evidence : finding.evidence) {
    item += std::format("\n  - {}{}{}", plain(evidence.name), evidence.name.empty() ? "" : ": ",
                        prose(evidence.value));
  }
  if (finding.accepted) {
    item += std::format("\n  - {}", prose(acceptance_text(*finding.accepted)));
  } else if (!finding.fix.empty()) {
    item += std::format("\n  - **fix:** {}", prose(finding.fix));
  }
  return item + "\n";
}

std::string result_section(const CheckResult& result, bool several_models) {
  const Outcome& outcome = result.outcome;
  std::string text = std::format("\n#### {} {}{}\n\n", symbol_of(outcome.status), plain(result.check),
                                 several_models ? std::format(" ({})", plain(result.model)) : "");
  if (!outcome.reason.empty()) {
    text += std::format("{}{}\n{}", outcome.status == Status::failed ? "Besides, undecided: " : "",
                        prose(outcome.reason), outcome.findings.empty() ? "" : "\n");
  }
  for (const Finding& finding : outcome.findings) {
    text += finding_item(result, finding);
  }
  return text;
}

bool is_urgent(const CheckResult& result) {
  return result.outcome.status == Status::failed || result.outcome.status == Status::undecided;
}

std::string table_row(const CheckResult& result, bool several_models) {
  const Outcome& outcome = result.outcome;
  std::string words = std::string(enum_name(outcome.status));
  if (const std::string findings = findings_text(outcome.findings); !findings.empty()) {
    words += ", " + findings;
  } else if (!outcome.reason.empty()) {
    words += ": " + prose(clip(one_line(outcome.reason), 100));
  }
  return std::format("| {} | {}{} | {} |\n", symbol_of(outcome.status), plain(result.check),
                     several_models ? std::format(" ({})", plain(result.model)) : "", words);
}

std::string head(const Report& report) {
  std::string text = std::format("### {} {}: {}\n\n{}\n", symbol_of(report.verdict),
                                 report.target.empty() ? "runup" : plain(report.target),
                                 verdict_words(report.verdict), prose(report.verdict_reason));
  for (const SetupError& error : report.setup_errors) {
    text += std::format("\n- {}", prose(setup_error_text(error)));
  }
  return text + (report.setup_errors.empty() ? "" : "\n");
}

std::string waivers_section(const Report& report) {
  std::string text = "\n#### Waivers\n\n";
  for (const WaiverReport& waiver : report.waivers) {
    text += std::format("- {}{} {}\n", is_out_of_date(waiver) ? "⚠️ " : "", prose(waiver_name(waiver)),
                        prose(waiver_text(waiver)));
  }
  return text;
}

std::string foot(const Report& report) {
  std::string text;
  for (const std::string& remark : report.remarks) {
    text += std::format("\n> {}\n", prose(remark));
  }
  std::vector<std::string> parts;
  for (const ReportWitness& witness : report.witnesses) {
    parts.push_back(std::format("{} was run by {}", plain(witness.model), plain(witness_text(witness))));
  }
  if (!report.host_name.empty()) {
    parts.push_back(plain(report.host_name) + (report.host.empty() ? "" : " (" + plain(report.host) + ")"));
  }
  parts.push_back(std::format("runup {}, {}", plain(report.runup_version), plain(report.started)));
  return text + std::format("\n<sub>{}</sub>\n", join(parts, " · "));
}

std::string render(const Report& report, const RenderOptions&) {
  const bool several = models_of(report).size() > 1;
  std::string out = head(report);
  const std::string end = foot(report);
  std::size_t left_out = 0;
  const auto add = [&](std::string_view part) {
    const bool fits = out.size() + part.size() + end.size() <= kMostBytes;
    out += fits ? part : std::string_view();
    left_out += fits ? 0 : 1;
    return fits;
  };
  for (const CheckResult& result : report.results) {
    if (is_urgent(result)) {
      add(result_section(result, several));
    }
  }
  for (const CheckResult& result : report.results) {
    if (!is_urgent(result) && !result.outcome.findings.empty()) {
      add(result_section(result, several));
    }
  }
  if (!report.waivers.empty()) {
    add(waivers_section(report));
  }
  if (!report.results.empty()) {
    std::string table =
        std::format("\n<details><summary>all checks: {}</summary>\n\n| | check | outcome |\n|---|---|---|\n",
                    statuses_text(count(report.results)));
    for (const CheckResult& result : report.results) {
      table += table_row(result, several);
    }
    add(table + "\n</details>\n");
  }
  if (left_out > 0) {
    out += std::format("\n{} left out, since a comment may not be longer; see runup's other reports.\n",
                       count_of(left_out, "section is", "sections are"));
  }
  return out + end;
}

}  // namespace

extern const ReporterInfo kReporter;
const ReporterInfo kReporter{
    .name = "markdown", .summary = "for a pull request's comment or a step's summary", .render = render};

}  // namespace runup::reports::markdown
