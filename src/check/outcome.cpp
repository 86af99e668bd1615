// SPDX-License-Identifier: Apache-2.0
#include "check/outcome.h"

#include <algorithm>

namespace runup {

Outcome settle(Judgement judgement, const SeverityOverrides& overrides, bool strict) {
  for (Finding& finding : judgement.findings) {
    if (const auto own = overrides.find(finding.id); own != overrides.end()) {
      finding.severity = own->second;
    } else if (const auto all = overrides.find("*");
               all != overrides.end() && finding.severity != Severity::note) {
      finding.severity = all->second;
    }
    if (strict && finding.severity == Severity::warning) {
      finding.severity = Severity::error;
    }
  }
  std::ranges::stable_sort(judgement.findings, std::greater{}, &Finding::severity);

  Outcome outcome{.evidence = std::move(judgement.looked_at), .findings = std::move(judgement.findings)};
  const bool has_error = !outcome.findings.empty() && outcome.findings.front().severity == Severity::error;
  if (has_error) {
    outcome.status = Status::failed;
    outcome.reason = judgement.undecided.value_or("");
  } else if (judgement.undecided) {
    outcome.status = Status::undecided;
    outcome.reason = *judgement.undecided;
  } else if (judgement.skipped) {
    outcome.status = Status::skipped;
    outcome.reason = *judgement.skipped;
  } else if (outcome.evidence.empty()) {
    outcome.status = Status::undecided;
    outcome.reason = "the check looked at nothing";
  } else {
    outcome.status = Status::passed;
  }
  return outcome;
}

}  // namespace runup
