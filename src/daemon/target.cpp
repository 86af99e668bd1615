// SPDX-License-Identifier: Apache-2.0
#include "daemon/target.h"

#include <algorithm>
#include <array>
#include <format>

#include "base/text.h"

namespace runup {

Duration age_of(const TargetState& target, const Moment& now) {
  return {std::max<std::int64_t>(now.boot - target.last_boot, 0)};
}

bool is_stale(const TargetState& target, const Moment& now) {
  return age_of(target, now) > target.stale_after;
}

Gate gate_of(const TargetState& target, const Moment& now) {
  if (!target.last) {
    return {.reason = !target.has_plan               ? "its config is bad, and nothing was audited"
                      : target.audit_problem.empty() ? "it was not audited yet"
                                                     : target.audit_problem};
  }
  if (is_stale(target, now)) {
    return {.reason = std::format("the last audit was {} ago, and a verdict counts for {}",
                                  format_duration(age_of(target, now)), format_duration(target.stale_after))};
  }
  return {.open = target.last->verdict == Verdict::ready, .reason = target.last->reason};
}

GateAnswer gate_answer(const TargetState& target, const Moment& now) {
  const Gate gate = gate_of(target, now);
  GateAnswer answer{.target = target.name,
                    .open = gate.open,
                    .reason = gate.reason,
                    .verdict = "unknown",
                    .stale_after = target.stale_after,
                    .pending = target.pending,
                    .config_errors = target.config_errors};
  if (target.last) {
    answer.verdict = enum_name(target.last->verdict);
    answer.started = target.last->started;
    answer.age = age_of(target, now);
    answer.run = target.last->run;
    answer.problems = target.last->problems;
  }
  return answer;
}

namespace {

// One metric: its head, then a line for each of its series.
class Metric {
 public:
  using Labels = std::vector<std::pair<std::string_view, std::string>>;

  Metric(std::string& out, std::string_view name, std::string_view type, std::string_view help)
      : out_(out), name_(name) {
    out_ += std::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  }

  void add(const Labels& labels, double value) {
    out_ += name_;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      out_ += std::format("{}{}=\"{}\"", i == 0 ? "{" : ",", labels[i].first, escaped(labels[i].second));
    }
    // Enough digits for a time stamp, and no exponent.
    std::string number = std::format("{:.6f}", value);
    number.erase(number.find_last_not_of('0') + 1);
    number.erase(number.find_last_not_of('.') + 1);
    out_ += std::format("{} {}\n", labels.empty() ? "" : "}", number.empty() ? "0" : number);
  }

 private:
  // Of label values `\`, `"` and newlines are escaped.
  static std::string escaped(std::string_view raw) {
    std::string text;
    for (const char c : printable(raw)) {
      text += c == '\\' ? "\\\\" : c == '"' ? "\\\"" : c == '\n' ? "\\n" : std::string(1, c);
    }
    return text;
  }

  std::string& out_;
  std::string_view name_;
};

constexpr std::array kVerdicts{Verdict::ready, Verdict::not_ready, Verdict::undecided};

void add_counts(std::string& out, const std::vector<const TargetState*>& targets) {
  Metric audits(out, "runup_audits_total", "counter",
                "Audits that ended since the daemon started, by verdict.");
  for (const TargetState* target : targets) {
    for (const Verdict verdict : kVerdicts) {
      const auto found = target->audits.find(verdict);
      audits.add({{"target", target->name}, {"verdict", std::string(enum_name(verdict))}},
                 found == target->audits.end() ? 0 : static_cast<double>(found->second));
    }
  }
  Metric failed(out, "runup_audit_failures_total", "counter", "Audits that ended without a report.");
  for (const TargetState* target : targets) {
    failed.add({{"target", target->name}}, static_cast<double>(target->failed_audits));
  }
}

void add_last(std::string& out, const std::vector<const TargetState*>& targets) {
  Metric started(out, "runup_last_audit_timestamp_seconds", "gauge",
                 "When the last audit began, since 1970.");
  for (const TargetState* target : targets) {
    if (target->last) {
      started.add({{"target", target->name}}, static_cast<double>(target->last->started_wall) / 1e9);
    }
  }
  Metric took(out, "runup_last_audit_duration_seconds", "gauge", "How long the last audit took.");
  for (const TargetState* target : targets) {
    if (target->last) {
      took.add({{"target", target->name}}, target->last->took.seconds());
    }
  }
  Metric checks(out, "runup_checks", "gauge", "Checks of the last audit, by how they ended.");
  for (const TargetState* target : targets) {
    for (const Status status : {Status::passed, Status::failed, Status::undecided, Status::skipped}) {
      if (target->last) {
        checks.add(
            {{"target", target->name}, {"status", std::string(enum_name(status))}},
            static_cast<double>(std::ranges::count(target->last->outcomes, status, &AuditOutcome::status)));
      }
    }
  }
  Metric bad(out, "runup_check_failing", "gauge",
             "1 for each check of the last audit that failed or is undecided.");
  for (const TargetState* target : targets) {
    for (const AuditOutcome& one : target->last ? target->last->outcomes : std::vector<AuditOutcome>{}) {
      if (one.status == Status::failed || one.status == Status::undecided) {
        bad.add({{"target", target->name},
                 {"model", one.model},
                 {"check", one.check},
                 {"status", std::string(enum_name(one.status))}},
                1);
      }
    }
  }
  Metric times(out, "runup_model_time_seconds", "gauge",
               "Times that the last audit measured (load, first, p50, p95, p99).");
  for (const TargetState* target : targets) {
    for (const Measurement& one : target->last ? target->last->measurements : std::vector<Measurement>{}) {
      times.add({{"target", target->name}, {"model", one.model}, {"time", one.name}}, one.value.seconds());
    }
  }
  Metric waivers(out, "runup_waiver_days_left", "gauge",
                 "Days until a waiver's last day; negative after it.");
  for (const TargetState* target : targets) {
    for (const WaiverReport& one : target->last ? target->last->waivers : std::vector<WaiverReport>{}) {
      waivers.add({{"target", target->name}, {"finding", one.waives}, {"model", one.model}},
                  static_cast<double>(one.days_left));
    }
  }
}

}  // namespace

std::string metrics_text(const std::vector<const TargetState*>& targets, const Moment& now,
                         bool history_works) {
  std::string out;
  Metric(out, "runup_build_info", "gauge", "1, with the version.").add({{"version", RUNUP_VERSION}}, 1);
  Metric gate(out, "runup_gate_open", "gauge", "1 when /gate/TARGET answers 200: ready, and not stale.");
  for (const TargetState* target : targets) {
    gate.add({{"target", target->name}}, gate_of(*target, now).open ? 1 : 0);
  }
  Metric stale(out, "runup_verdict_stale", "gauge", "1 when the last verdict is too old, or there is none.");
  for (const TargetState* target : targets) {
    stale.add({{"target", target->name}}, !target->last || is_stale(*target, now) ? 1 : 0);
  }
  Metric config(out, "runup_config_bad", "gauge", "1 when the config file as it is now has mistakes.");
  for (const TargetState* target : targets) {
    config.add({{"target", target->name}}, target->config_errors.empty() ? 0 : 1);
  }
  add_counts(out, targets);
  add_last(out, targets);
  Metric(out, "runup_history_works", "gauge", "1 when the last audit was added to the history.")
      .add({}, history_works ? 1 : 0);
  return out;
}

}  // namespace runup
