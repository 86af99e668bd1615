// SPDX-License-Identifier: Apache-2.0
#include "runner/standing.h"

#include <algorithm>
#include <array>
#include <format>
#include <utility>

#include "check/percentile.h"
#include "check/witness.h"
#include "check/wording.h"
#include "report/summary.h"
#include "runner/core_probes.h"

namespace runup {

namespace {

constexpr std::string_view kTimingCheck = "warmup-budget";

// How many calls come before the measured ones, as the check that asked for them has it.
std::size_t warmup_calls(const PlannedModel& model) {
  const auto check = std::ranges::find(model.checks, kTimingCheck, &PlannedCheck::id);
  const bool known = check != model.checks.end() && check->options.is_object() &&
                     check->options.contains("warmup") && check->options["warmup"].is_number_unsigned();
  return known ? check->options["warmup"].get<std::size_t>() : 0;
}

}  // namespace

void observe_standing(RunContext& context, TargetFacts& target) {
  const Plan& plan = context.plan;
  if (!plan.audit) {
    return;
  }
  if (!plan.audit->unit.empty() && context.settings.ask_unit) {
    target.unit = context.settings.ask_unit(plan.audit->unit);
  } else if (!plan.audit->unit.empty()) {
    context.remark(std::format("`{}` was not looked at: only `runupd` asks systemd", plan.audit->unit));
  }
  if (!plan.audit->url.empty()) {
    context.progress(std::format("asking the service at {}", plan.audit->url));
    target.running = observe_running(context, plan.service.value_or(ServiceDeclaration{}), plan.audit->url);
  }
}

Observed<PastRunFacts> last_ready_of(const RunnerSettings& settings, const std::string& model) {
  if (settings.last_ready == nullptr) {
    return Observed<PastRunFacts>::none(blocked("no earlier run of this target was ready"));
  }
  const Report& report = *settings.last_ready;
  PastRunFacts facts{.run = settings.last_ready_run, .started = report.started};
  const auto is_own = [&](const auto& one) { return one.model == model; };
  std::ranges::copy_if(report.files, std::back_inserter(facts.files), is_own);
  std::ranges::copy_if(report.measurements, std::back_inserter(facts.measurements), is_own);
  for (const ReportWitness& witness : report.witnesses) {
    if (witness.model == model && witness.file.empty()) {
      facts.witnesses.push_back(std::format("{} {}", witness.library, witness.version));
    }
  }
  return Observed<PastRunFacts>::seen(std::move(facts), {});
}

std::vector<Measurement> measurements_of(const PlannedModel& model, const Facts& facts) {
  std::vector<Measurement> all;
  const RuntimeFacts* witness = speaking_witness(facts);
  if (witness == nullptr) {
    return all;
  }
  const auto add = [&](std::string_view name, std::vector<Duration> measured, double percent) {
    if (!measured.empty()) {
      const Figure figure = percentile(std::move(measured), percent);
      all.push_back({.model = model.name,
                     .name = std::string(name),
                     .value = figure.value,
                     .low = figure.low,
                     .high = figure.high,
                     .count = figure.measurements,
                     .witness = witness_words(witness->witness)});
    }
  };
  for (const ExperimentFacts& answer : witness->experiments) {
    if (answer.absence || !answer.error.empty()) {
      continue;
    }
    if (answer.asked.kind == ExperimentKind::cold_start) {
      std::vector<Duration> loads;
      std::vector<Duration> firsts;
      for (const ColdStartFacts& start : answer.cold_starts) {
        loads.push_back(start.load);
        firsts.push_back(start.first);
      }
      add("load", std::move(loads), 50);
      add("first", std::move(firsts), 50);
    } else if (answer.asked.kind == ExperimentKind::latency && !answer.calls.empty()) {
      const std::size_t before = std::min(warmup_calls(model), answer.calls.size() - 1);
      const std::vector<Duration> warm(answer.calls.begin() + static_cast<std::ptrdiff_t>(before),
                                       answer.calls.end());
      for (const auto& [name, percent] :
           std::array<std::pair<std::string_view, double>, 3>{{{"p50", 50}, {"p95", 95}, {"p99", 99}}}) {
        add(name, warm, percent);
      }
    }
  }
  return all;
}

}  // namespace runup
