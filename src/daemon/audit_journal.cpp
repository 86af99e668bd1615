// SPDX-License-Identifier: Apache-2.0
#include "daemon/audit_journal.h"

#include <algorithm>
#include <format>

#include "base/text.h"
#include "daemon/journal.h"
#include "report/summary.h"

namespace runup {

namespace {

Priority priority_of(Verdict verdict) {
  return verdict == Verdict::ready       ? Priority::info
         : verdict == Verdict::not_ready ? Priority::error
                                         : Priority::warning;
}

JournalFields fields_of(const AuditResult& result) {
  JournalFields fields{{"RUNUP_TARGET", result.target},
                       {"RUNUP_VERDICT", std::string(enum_name(result.verdict))},
                       {"RUNUP_RUN", std::to_string(result.run)}};
  for (const Measurement& one : result.measurements) {
    if (one.name == "load") {
      fields.emplace_back("RUNUP_MODEL", one.model);
      fields.emplace_back("RUNUP_LOAD_SECONDS", std::format("{:.6f}", one.value.seconds()));
    }
  }
  return fields;
}

void say_problem(const AuditResult& result, const AuditProblem& problem) {
  const std::string id = problem.finding.empty() ? problem.check : problem.check + "/" + problem.finding;
  JournalFields fields{{"RUNUP_TARGET", result.target},
                       {"RUNUP_RUN", std::to_string(result.run)},
                       {"RUNUP_MODEL", problem.model},
                       {"RUNUP_CHECK", problem.check}};
  if (!problem.finding.empty()) {
    fields.emplace_back("RUNUP_FINDING", problem.finding);
  }
  journal(problem.finding.empty() ? Priority::warning : Priority::error,
          std::format("{}/{}: {}{}: {}{}", result.target, problem.model, id,
                      problem.finding.empty() ? " is undecided" : "", problem.message,
                      problem.fix.empty() ? "" : "; fix: " + problem.fix),
          fields);
}

}  // namespace

void journal_audit(const TargetState& before, const AuditResult& result) {
  journal(priority_of(result.verdict),
          std::format("{}: {}: {}, in {}", result.target, verdict_words(result.verdict), result.reason,
                      format_duration(result.took)),
          fields_of(result));
  if (!result.history_problem.empty()) {
    journal(Priority::warning, "the history is not kept: " + result.history_problem,
            {{"RUNUP_TARGET", result.target}});
  }
  for (const AuditProblem& problem : result.problems) {
    if (!before.last || !std::ranges::contains(before.last->problems, problem)) {
      say_problem(result, problem);
    }
  }
  for (const WaiverReport& waiver : result.waivers) {
    const bool soon = waiver.state == WaiverState::holds && waiver.days_left <= kDaysAhead;
    const bool known = before.last && std::ranges::contains(before.last->waivers, waiver);
    if ((soon || is_out_of_date(waiver)) && !known) {
      journal(Priority::warning,
              std::format("{}: the waiver of {} {}", result.target, waiver_name(waiver), waiver_text(waiver)),
              {{"RUNUP_TARGET", result.target}, {"RUNUP_WAIVER", waiver.waives}});
    }
  }
}

}  // namespace runup
