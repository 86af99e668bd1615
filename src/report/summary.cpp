// SPDX-License-Identifier: Apache-2.0
#include "report/summary.h"

#include <algorithm>
#include <format>

#include "base/text.h"

namespace runup {

namespace {

void count_findings(const std::vector<Finding>& findings, ReportCounts& counts) {
  for (const Finding& finding : findings) {
    if (finding.accepted) {
      ++counts.accepted;
      continue;
    }
    switch (finding.severity) {
      case Severity::error:
        ++counts.errors;
        break;
      case Severity::warning:
        ++counts.warnings;
        break;
      case Severity::note:
        ++counts.notes;
        break;
    }
  }
}

}  // namespace

ReportCounts count(const std::vector<CheckResult>& results) {
  ReportCounts counts;
  for (const CheckResult& result : results) {
    switch (result.outcome.status) {
      case Status::passed:
        ++counts.passed;
        break;
      case Status::failed:
        ++counts.failed;
        break;
      case Status::skipped:
        ++counts.skipped;
        break;
      case Status::undecided:
        ++counts.undecided;
        break;
    }
    count_findings(result.outcome.findings, counts);
  }
  return counts;
}

std::string findings_text(const ReportCounts& counts) {
  std::vector<std::string> parts;
  if (counts.errors > 0) {
    parts.push_back(count_of(counts.errors, "error", "errors"));
  }
  if (counts.warnings > 0) {
    parts.push_back(count_of(counts.warnings, "warning", "warnings"));
  }
  if (counts.notes > 0) {
    parts.push_back(count_of(counts.notes, "note", "notes"));
  }
  if (counts.accepted > 0) {
    parts.push_back(std::format("{} accepted", counts.accepted));
  }
  return join(parts, ", ");
}

std::string findings_text(const std::vector<Finding>& findings) {
  ReportCounts counts;
  count_findings(findings, counts);
  return findings_text(counts);
}

std::string acceptance_text(const Acceptance& acceptance) {
  return std::format("accepted until {} by {}: {}", acceptance.expires, acceptance.owner, acceptance.reason);
}

std::string waiver_name(const WaiverReport& waiver) {
  return waiver.model.empty() ? std::format("`{}`", waiver.waives)
                              : std::format("`{}` of `{}`", waiver.waives, waiver.model);
}

std::string waiver_text(const WaiverReport& waiver) {
  const Acceptance& by = waiver.acceptance;
  const std::string who = std::format("{}: {}", by.owner, by.reason);
  switch (waiver.state) {
    case WaiverState::holds:
      return std::format("accepts {} until {}, {}; {}", count_of(waiver.findings, "finding", "findings"),
                         by.expires,
                         waiver.days_left == 0
                             ? "its last day"
                             : count_of(static_cast<std::size_t>(waiver.days_left), "day", "days") + " left",
                         who);
    case WaiverState::unused:
      return std::format("accepts nothing, since there is no such finding; remove it ({})", who);
    case WaiverState::expired:
      return waiver.findings > 0
                 ? std::format("expired after {}, so that {} again; mend it or renew the waiver ({})",
                               by.expires,
                               waiver.findings == 1 ? "its finding counts"
                                                    : std::format("its {} findings count", waiver.findings),
                               who)
                 : std::format("expired after {} and names no finding of this run; remove it ({})",
                               by.expires, who);
    case WaiverState::not_judged:
      break;
  }
  return std::format("until {}; what it is for was not judged in this run ({})", by.expires, who);
}

bool is_out_of_date(const WaiverReport& waiver) {
  return waiver.state == WaiverState::expired || waiver.state == WaiverState::unused;
}

std::string statuses_text(const ReportCounts& counts) {
  std::vector<std::string> parts;
  for (const auto& [number, word] : {std::pair{counts.passed, "passed"},
                                     {counts.failed, "failed"},
                                     {counts.undecided, "undecided"},
                                     {counts.skipped, "skipped"}}) {
    if (number > 0) {
      parts.push_back(std::format("{} {}", number, word));
    }
  }
  return join(parts, ", ");
}

std::string_view verdict_words(Verdict verdict) {
  switch (verdict) {
    case Verdict::ready:
      return "READY";
    case Verdict::not_ready:
      return "NOT READY";
    case Verdict::undecided:
      break;
  }
  return "UNDECIDED";
}

Tone tone_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::ready:
      return Tone::good;
    case Verdict::not_ready:
      return Tone::bad;
    case Verdict::undecided:
      break;
  }
  return Tone::doubt;
}

std::string location_text(const Location& where) {
  std::string text = where.file;
  if (where.line) {
    text += std::format("{}line {}", text.empty() ? "" : ", ", *where.line);
  }
  if (!where.key.empty()) {
    text += std::format("{}`{}`", text.empty() ? "" : ", ", where.key);
  }
  return text;
}

std::string path_of(const Report& report, std::string_view file, std::string_view folder) {
  std::string path(file);
  if (!path.starts_with('/') && !report.package.empty()) {
    path = report.package + "/" + path;
  }
  const std::string below = std::string(folder) + "/";
  return !folder.empty() && path.starts_with(below) ? path.substr(below.size()) : path;
}

std::string path_of(const Report& report, const Location& where, std::string_view folder) {
  return path_of(report, where.file.empty() ? report.config : where.file, folder);
}

std::string setup_error_text(const SetupError& error) {
  std::string text = error.file;
  if (error.line > 0) {
    text += std::format(":{}", error.line);
    if (error.column > 0) {
      text += std::format(":{}", error.column);
    }
  }
  return text.empty() ? error.message : std::format("{}: {}", text, error.message);
}

std::string witness_text(const ReportWitness& witness) {
  std::string text = witness.library;
  if (!witness.version.empty()) {
    text += " " + witness.version;
  }
  if (!witness.device.empty()) {
    text += " on " + witness.device;
  }
  if (!witness.form.empty()) {
    text += witness.file.empty() ? std::format(" ({})", witness.form)
                                 : std::format(" ({} `{}`)", witness.form, witness.file);
  }
  return text;
}

std::vector<std::string> models_of(const Report& report) {
  std::vector<std::string> models;
  for (const CheckResult& result : report.results) {
    if (!std::ranges::contains(models, result.model)) {
      models.push_back(result.model);
    }
  }
  return models;
}

}  // namespace runup
