// SPDX-License-Identifier: Apache-2.0
#include "check/outcome.h"

#include <algorithm>

namespace runup {

namespace {

// What is said of the finding itself, or of all; null when nothing is.
template <class Value>
const Value* entry_for(const std::map<std::string, Value>& entries, const std::string& finding) {
  auto found = entries.find(finding);
  found = found == entries.end() ? entries.find("*") : found;
  return found == entries.end() ? nullptr : &found->second;
}

void weigh(Finding& finding, const SeverityOverrides& overrides, bool strict,
           const Acceptances& acceptances) {
  const Severity* given = entry_for(overrides, finding.id);
  if (given != nullptr && (finding.severity != Severity::note || overrides.contains(finding.id))) {
    finding.severity = *given;
  }
  if (strict && finding.severity == Severity::warning) {
    finding.severity = Severity::error;
  }
  const Acceptance* accepted = entry_for(acceptances, finding.id);
  finding.accepted = accepted == nullptr ? std::nullopt : std::optional(*accepted);
}

}  // namespace

Outcome settle(Judgement judgement, const SeverityOverrides& overrides, bool strict,
               const Acceptances& acceptances) {
  for (Finding& finding : judgement.findings) {
    weigh(finding, overrides, strict, acceptances);
  }
  std::ranges::stable_sort(judgement.findings, [](const Finding& one, const Finding& other) {
    const bool accepted = one.accepted.has_value();
    return accepted != other.accepted.has_value() ? !accepted : one.severity > other.severity;
  });

  Outcome outcome{.evidence = std::move(judgement.looked_at), .findings = std::move(judgement.findings)};
  const bool has_error = !outcome.findings.empty() && !outcome.findings.front().accepted &&
                         outcome.findings.front().severity == Severity::error;
  const bool has_accepted = !outcome.findings.empty() && outcome.findings.back().accepted;
  if (has_error) {
    outcome.status = Status::failed;
    outcome.reason = judgement.undecided.value_or("");
  } else if (judgement.undecided) {
    outcome.status = Status::undecided;
    outcome.reason = *judgement.undecided;
  } else if (judgement.skipped) {
    outcome.status = Status::skipped;
    outcome.reason = *judgement.skipped;
  } else if (outcome.evidence.empty() && !has_accepted) {
    outcome.status = Status::undecided;
    outcome.reason = "the check looked at nothing";
  } else {
    outcome.status = Status::passed;
  }
  return outcome;
}

}  // namespace runup
