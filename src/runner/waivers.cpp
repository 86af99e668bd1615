// SPDX-License-Identifier: Apache-2.0
#include "runner/waivers.h"

#include <algorithm>

namespace runup {

namespace {

bool concerns(const WaiverDeclaration& waiver, const std::string& check, const std::string& model) {
  return waiver.check() == check && (waiver.model.empty() || waiver.model == model);
}

// Negative when its last day is over. A day that is none has always been over: the config's loader refuses it.
std::int64_t days_left(const WaiverDeclaration& waiver, std::chrono::sys_days today) {
  const auto last = parse_day(waiver.expires);
  return last ? (*last - today).count() : -1;
}

std::uint64_t named_findings(const WaiverDeclaration& waiver, const std::vector<CheckResult>& results) {
  std::uint64_t named = 0;
  for (const CheckResult& result : results) {
    if (concerns(waiver, result.check, result.model)) {
      named += static_cast<std::uint64_t>(std::ranges::count_if(
          result.outcome.findings,
          [&](const Finding& finding) { return waiver.finding() == "*" || waiver.finding() == finding.id; }));
    }
  }
  return named;
}

// Each check that it concerns was judged to its end, so that a finding it names would have been seen.
bool was_judged(const WaiverDeclaration& waiver, const std::vector<CheckResult>& results) {
  bool any = false;
  for (const CheckResult& result : results) {
    if (concerns(waiver, result.check, result.model)) {
      any = true;
      const bool whole = result.outcome.status == Status::passed ||
                         (result.outcome.status == Status::failed && result.outcome.reason.empty());
      if (!whole) {
        return false;
      }
    }
  }
  return any;
}

}  // namespace

Acceptances acceptances_of(const Plan& plan, const std::string& check, const std::string& model,
                           std::chrono::sys_days today) {
  Acceptances all;
  for (const WaiverDeclaration& waiver : plan.waivers) {
    if (concerns(waiver, check, model) && days_left(waiver, today) >= 0) {
      all.emplace(waiver.finding(), waiver.acceptance());
    }
  }
  return all;
}

std::vector<WaiverReport> waiver_reports(const Plan& plan, const std::vector<CheckResult>& results,
                                         std::chrono::sys_days today) {
  std::vector<WaiverReport> reports;
  for (std::size_t i = 0; i < plan.waivers.size(); ++i) {
    const WaiverDeclaration& waiver = plan.waivers[i];
    WaiverReport report{.waives = waiver.waives,
                        .model = waiver.model,
                        .acceptance = waiver.acceptance(),
                        .findings = named_findings(waiver, results),
                        .days_left = days_left(waiver, today),
                        .line = i < plan.waiver_lines.size() ? plan.waiver_lines[i] : 0};
    report.state = report.days_left < 0          ? WaiverState::expired
                   : report.findings > 0         ? WaiverState::holds
                   : was_judged(waiver, results) ? WaiverState::unused
                                                 : WaiverState::not_judged;
    reports.push_back(std::move(report));
  }
  return reports;
}

}  // namespace runup
