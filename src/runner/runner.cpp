// SPDX-License-Identifier: Apache-2.0
#include "runner/runner.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <format>
#include <mutex>
#include <system_error>
#include <thread>

#include "check/wording.h"
#include "facts/model_files.h"
#include "runner/context.h"
#include "runner/core_probes.h"
#include "runner/judge_files.h"
#include "runner/observe_model.h"
#include "runner/packed_package.h"
#include "runner/plugin.h"
#include "runner/questions.h"
#include "runner/service_observer.h"
#include "runner/standing.h"
#include "runner/tell.h"
#include "runner/waivers.h"

namespace runup {

namespace {

// One model's part of the report.
struct ModelReport {
  std::vector<CheckResult> results;
  std::vector<ReportWitness> witnesses;
  std::vector<JudgedFile> files;
  std::vector<Measurement> measurements;
  InferenceStanding standing;
};

bool any_needs(const Plan& plan, bool Needs::* what) {
  for (const PlannedModel& model : plan.models) {
    if (needs_of(model).*what) {
      return true;
    }
  }
  return false;
}

// Runs `work` in a thread of its own, or here when the system gives none.
std::jthread beside(const std::function<void()>& work) {
  try {
    return std::jthread(work);
  } catch (const std::system_error&) {
    work();
    return {};
  }
}

TargetFacts observe_target(RunContext& context, const PackedPackage& packed) {
  TargetFacts facts{.archive = packed.archive};
  // For the report's line about the host too, so it is always asked.
  const auto host = beside([&] { facts.host = observe_host(context); });
  if (is_locked_away(packed.archive)) {
    facts.package = Observed<PackageFacts>::none(locked_away(packed.archive));
  } else if (any_needs(context.plan, &Needs::package)) {
    facts.package = observe_package(context);
  }
  facts.package.took += packed.archive.took;
  return facts;
}

std::vector<Observed<ServiceFacts>> observe_started_service(RunContext& context, const TargetFacts& target) {
  try {
    return observe_service(context, target);
  } catch (const std::exception& error) {
    return std::vector(
        context.plan.models.size(),
        Observed<ServiceFacts>::none(
            {.kind = AbsenceKind::refused, .detail = std::format("runup itself failed: {}", error.what())}));
  }
}

// What a check read of one file's runs, without the experiments that it did not ask for.
Duration time_of(const std::vector<Observed<RuntimeFacts>>& runtimes, const std::vector<Experiment>& own) {
  Duration took;
  for (const auto& runtime : runtimes) {
    took += runtime.took;
    for (const ExperimentFacts& answer : runtime ? runtime->experiments : std::vector<ExperimentFacts>{}) {
      if (std::ranges::find(own, answer.asked) == own.end()) {
        took = took - answer.took;
      }
    }
  }
  return took;
}

// A check's time: what it read.
Duration time_of(const PlannedCheck& check, const Facts& facts) {
  const Needs needs = needs_of(check);
  const bool runs = needs.runtime || needs.parity;
  Duration took;
  took += needs.package ? facts.package.took : Duration{};
  took += needs.artifact ? facts.artifact.took + facts.label_file.took : Duration{};
  took += needs.host ? facts.host.took : Duration{};
  took += needs.source ? facts.source.took : Duration{};
  took += runs ? time_of(facts.runtimes, experiments_of(check, facts.model)) : Duration{};
  if (needs.predictor && !runs && !facts.model.factory.empty() && !facts.runtimes.empty()) {
    took += time_of({facts.runtimes.front()}, {});
  }
  took += needs.service ? facts.served.took : Duration{};
  took += needs.predictor_weights ? facts.predictor_weights.took : Duration{};
  for (std::size_t i = 0; i < facts.conversions.size() && (needs.conversions || needs.parity); ++i) {
    const ConversionFacts& conversion = facts.conversions[i];
    took += needs.artifact ? conversion.artifact.took : Duration{};
    took += needs.parity ? conversion.weights.took : Duration{};
    took += runs ? time_of(conversion.runtimes, experiments_of(check, as_model(facts.model, i))) : Duration{};
  }
  return took;
}

Judgement judge_built_in(const PlannedCheck& check, const Facts& facts) {
  try {
    return check.built_in->judge(facts, check.options);
  } catch (const std::exception& error) {
    return Judgement::cannot_tell(std::format("the check itself failed: {}", error.what()));
  }
}

// A check that reads what a runtime did and nothing else, or that could not tell for want of a runtime alone, has
// nothing to judge where the config accepts that none ran the model.
void accept_no_witness(const PlannedModel& model, const PlannedCheck& check, const Facts& facts,
                       Judgement& judgement) {
  const Needs needs = needs_of(check);
  const bool ran = std::ranges::any_of(facts.runtimes, [](const auto& runtime) { return bool(runtime); });
  if (!model.inference_required && !ran && !runtime_died(facts) && needs.runtime &&
      (!needs.artifact || judgement.undecided == no_witness_words(facts)) && judgement.undecided &&
      judgement.findings.empty()) {
    judgement = Judgement::skip(
        std::format("no witness ran the model, which `inference: {{required: false}}` accepts: {}",
                    *judgement.undecided));
  }
}

CheckResult judge(RunContext& context, const PlannedModel& model, const PlannedCheck& check,
                  const Facts& facts) {
  CheckResult result{.check = check.id, .model = model.name};
  if (check.plugin) {
    result.plugin = check.plugin->path;
  }
  Judgement judgement;
  if (!check.skip_reason.empty()) {
    judgement = Judgement::skip(check.skip_reason);
  } else if (!is_judged(check)) {
    judgement =
        Judgement::cannot_tell(check.cannot_run.empty() ? "nothing says how to run it" : check.cannot_run);
  } else {
    result.took = time_of(check, facts);
    if (check.built_in != nullptr) {
      judgement = judge_files(facts, needs_of(check).conversions, [&](const Facts& view) {
        Judgement part = judge_built_in(check, view);
        accept_no_witness(model, check, view, part);
        return part;
      });
    } else {
      context.progress(std::format("{}: {}", model.name, check.id));
      PluginTiming timing;
      const std::shared_lock slot(context.quiet);
      judgement = judge_with_plugin(context.supervisor, *check.plugin, facts, check.options, timing);
      result.took += timing.took;
    }
  }
  result.outcome = settle(std::move(judgement), check.severity, context.plan.strict,
                          acceptances_of(context.plan, check.id, model.name, context.settings.today));
  return result;
}

ModelReport run_model(RunContext& context, const PlannedModel& model, const TargetFacts& target) {
  ModelReport report{.results = {},
                     .witnesses = {},
                     .files = {},
                     .measurements = {},
                     .standing = {.model = model.name, .required = model.inference_required}};
  Facts facts;
  try {
    facts = observe_model(context, model, target);
  } catch (const std::exception& error) {
    const Absence why{.kind = AbsenceKind::refused,
                      .detail = std::format("runup itself failed: {}", error.what())};
    facts.model_name = model.name;
    facts.model = model.declaration;
    facts.archive = target.archive;
    facts.package = Observed<PackageFacts>::none(why);
    facts.artifact = Observed<ArtifactFacts>::none(why);
    facts.host = Observed<HostFacts>::none(why);
    facts.runtimes = {Observed<RuntimeFacts>::none(why)};
  }
  report.witnesses = witnesses_of(facts);
  report.files = facts.standing.files;
  report.measurements = facts.standing.measurements;
  report.standing.witnessed = !report.witnesses.empty();
  for (const PlannedCheck& check : model.checks) {
    report.results.push_back(judge(context, model, check, facts));
  }
  return report;
}

std::vector<ModelReport> run_models(RunContext& context, const TargetFacts& target) {
  const std::vector<PlannedModel>& models = context.plan.models;
  std::vector<ModelReport> reports(models.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < models.size(); i = next++) {
      reports[i] = run_model(context, models[i], target);
    }
  };
  std::vector<std::jthread> helpers;
  const std::size_t side_by_side =
      std::min(models.size(), static_cast<std::size_t>(std::max(context.plan.jobs, 1)));
  for (std::size_t i = 1; i < side_by_side; ++i) {
    helpers.push_back(beside(work));
  }
  work();
  helpers.clear();
  return reports;
}

std::string own_host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

std::string utc_now() {
  return std::format("{:%FT%TZ}", std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
}

// A report in which every check could not be told, for the same reason.
void fill_undecided(Report& report, const Plan& plan, const std::string& reason) {
  for (const PlannedModel& model : plan.models) {
    for (const PlannedCheck& check : model.checks) {
      Judgement judgement =
          check.skip_reason.empty() ? Judgement::cannot_tell(reason) : Judgement::skip(check.skip_reason);
      report.results.push_back({.check = check.id,
                                .model = model.name,
                                .outcome = settle(std::move(judgement), check.severity, plan.strict),
                                .plugin = check.plugin ? check.plugin->path : ""});
    }
  }
}

}  // namespace

Report run_plan(const Plan& plan, const RunnerSettings& settings) {
  const Duration start = steady_now();
  Report report{.runup_version = RUNUP_VERSION,
                .target = plan.target.target,
                .config = plan.config_file,
                .package = plan.target.package,
                .started = utc_now(),
                .host_name = own_host_name(),
                .remarks = plan.remarks,
                .profile = std::string(enum_name(plan.profile)),
                .strict = plan.strict};
  std::vector<InferenceStanding> standings;
  auto supervisor = Supervisor::start(settings.interrupted);
  if (!supervisor) {
    fill_undecided(report, plan, "runup's supervisor could not be started: " + supervisor.error().describe());
  } else {
    // An archive's files are elsewhere for everything that observes.
    Plan here = plan;
    RunContext context{.plan = here,
                       .settings = settings,
                       .supervisor = **supervisor,
                       .quiet = {},
                       .remarks_mutex = {},
                       .remarks = {}};
    const PackedPackage packed = any_needs(plan, &Needs::package) ? unpack_package(context) : PackedPackage{};
    if (const std::string root = packed.root(); !root.empty()) {
      move_paths(here, plan.target.package, root);
    }
    TargetFacts target = observe_target(context, packed);
    report.host = host_words(target.host);
    target.served = observe_started_service(context, target);
    if (any_needs(here, &Needs::standing)) {
      observe_standing(context, target);
    }
    for (ModelReport& model : run_models(context, target)) {
      std::ranges::move(model.results, std::back_inserter(report.results));
      std::ranges::move(model.witnesses, std::back_inserter(report.witnesses));
      std::ranges::move(model.files, std::back_inserter(report.files));
      std::ranges::move(model.measurements, std::back_inserter(report.measurements));
      standings.push_back(model.standing);
    }
    std::ranges::move(context.remarks, std::back_inserter(report.remarks));
    name_archive(report, packed);
    report.interrupted = context.interrupted();
  }
  for (const PlannedModel& model : plan.models) {
    if (!model.inference_required) {
      report.remarks.push_back(acceptance_words(model.name));
    }
  }
  report.waivers = waiver_reports(plan, report.results, settings.today);
  report.took = steady_now() - start;
  settle_verdict(report, standings);
  return report;
}

Result<void> read_limits_from_environment(RunnerSettings& settings) {
  if (const char* timeout = std::getenv("RUNUP_PROBE_TIMEOUT")) {
    auto read = parse_duration(timeout);
    if (!read || read->nanoseconds <= 0) {
      return fail(ErrorCode::bad_input,
                  std::format("$RUNUP_PROBE_TIMEOUT is `{}`; expected a duration such as `90s`", timeout));
    }
    settings.step_timeout = *read;
  }
  if (const char* memory = std::getenv("RUNUP_PROBE_MEMORY")) {
    auto read = parse_byte_size(memory);
    if (!read || read->bytes == 0) {
      return fail(ErrorCode::bad_input,
                  std::format("$RUNUP_PROBE_MEMORY is `{}`; expected a size such as `4GiB`", memory));
    }
    settings.runtime_memory_bytes = read->bytes;
  }
  return {};
}

}  // namespace runup
