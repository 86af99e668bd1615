// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <format>

#include "base/text.h"
#include "report/report.h"
#include "report/summary.h"

namespace runup {

namespace {

// Why nothing but a failure can be told, or empty when the checks alone decide.
std::string run_problem(const Report& report, const ReportCounts& counts) {
  if (!report.setup_errors.empty()) {
    return std::format("nothing was checked: {} in the set-up",
                       count_of(report.setup_errors.size(), "mistake", "mistakes"));
  }
  if (report.interrupted) {
    return "the run was interrupted before its end";
  }
  if (report.results.empty()) {
    return "no check was run";
  }
  if (counts.skipped == report.results.size()) {
    return counts.skipped == 1 ? "the only check was skipped"
                               : std::format("all {} checks were skipped", counts.skipped);
  }
  return {};
}

// Names the model that no witness ran. The inference check says why and what to give, so when it
// spoke it is pointed at; when it did not run, this sentence has to say it.
std::string witness_problem(const Report& report, const std::vector<InferenceStanding>& standings) {
  std::vector<std::string> models;
  bool explained = true;
  for (const InferenceStanding& standing : standings) {
    if (standing.witnessed || !standing.required) {
      continue;
    }
    models.push_back(standing.model);
    explained = explained && std::ranges::any_of(report.results, [&](const CheckResult& result) {
                  return result.check == "inference" && result.model == standing.model &&
                         result.outcome.status == Status::undecided;
                });
  }
  if (models.empty()) {
    return {};
  }
  return std::format("no witness ran an inference of {}; {}", join_quoted(models),
                     explained ? "see `inference`"
                               : "run the check `inference`, give a state_dict an `architecture:`, or accept "
                                 "it with `checks: {inference: {required: false}}`");
}

std::string of_checks(std::size_t some, std::size_t all) {
  return all == 1 ? "the only check" : std::format("{} of {} checks", some, all);
}

std::size_t out_of_date(const Report& report) {
  return static_cast<std::size_t>(std::ranges::count_if(report.waivers, is_out_of_date));
}

std::string ready_reason(const Report& report, const ReportCounts& counts) {
  std::string reason = counts.skipped > 0   ? count_of(counts.passed, "check", "checks") + " passed"
                       : counts.passed == 1 ? "the only check passed"
                                            : std::format("all {} checks passed", counts.passed);
  if (counts.skipped > 0) {
    reason += std::format(", {} skipped", counts.skipped);
  }
  std::vector<std::string> with;
  if (counts.warnings > 0) {
    with.push_back(count_of(counts.warnings, "warning", "warnings"));
  }
  if (counts.accepted > 0) {
    with.push_back(count_of(counts.accepted, "accepted finding", "accepted findings"));
  }
  if (const std::size_t old = out_of_date(report); old > 0) {
    with.push_back(count_of(old, "waiver", "waivers") + " out of date");
  }
  return reason + (with.empty() ? "" : ", with " + join(with, ", "));
}

}  // namespace

void settle_verdict(Report& report, const std::vector<InferenceStanding>& standings) {
  const ReportCounts counts = count(report.results);
  if (counts.failed > 0) {
    report.verdict = Verdict::not_ready;
    report.verdict_reason = of_checks(counts.failed, report.results.size()) + " failed";
    if (report.interrupted) {
      report.verdict_reason += " before the run was interrupted";
    }
    return;
  }
  report.verdict = Verdict::undecided;
  std::string unseen = witness_problem(report, standings);
  if (std::string problem = run_problem(report, counts); !problem.empty()) {
    report.verdict_reason = std::move(problem);
  } else if (!unseen.empty()) {
    report.verdict_reason = std::move(unseen);
  } else if (counts.undecided > 0) {
    report.verdict_reason = of_checks(counts.undecided, report.results.size()) + " could not be decided";
  } else if (const std::size_t old = out_of_date(report); report.strict && old > 0) {
    report.verdict = Verdict::not_ready;
    report.verdict_reason =
        count_of(old, "waiver is", "waivers are") + " out of date, which `--strict` counts";
  } else {
    report.verdict = Verdict::ready;
    report.verdict_reason = ready_reason(report, counts);
  }
}

ExitCode exit_code(const Report& report) {
  if (report.interrupted) {
    return ExitCode::interrupted;
  }
  if (!report.setup_errors.empty()) {
    return ExitCode::bad_config;
  }
  switch (report.verdict) {
    case Verdict::ready:
      return ExitCode::ready;
    case Verdict::not_ready:
      return ExitCode::not_ready;
    case Verdict::undecided:
      break;
  }
  return ExitCode::undecided;
}

}  // namespace runup
