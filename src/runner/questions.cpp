// SPDX-License-Identifier: Apache-2.0
#include "runner/questions.h"

#include <algorithm>

#include "config/key_path.h"
#include "facts/model_files.h"

namespace runup {

namespace {

class Questions {
 public:
  explicit Questions(const Plan& plan) : plan_(plan) {}

  void ask(std::string key, const std::string& path) {
    if (path.empty()) {
      return;
    }
    const auto written = plan_.written_paths.find(key);
    questions_.push_back({.asked_by = std::move(key),
                          .written = written == plan_.written_paths.end() ? path : written->second,
                          .path = path});
  }

  void ask_model(const PlannedModel& model) {
    const ModelDeclaration& declared = model.declaration;
    const std::string key = child_path("models", model.name);
    ask(child_path(key, "path"), declared.path);
    ask(child_path(key, "architecture"), declared.architecture);
    if (declared.labels && declared.labels->from == LabelSource::file) {
      ask(child_path(child_path(key, "labels"), "path"), declared.labels->path);
    }
    for (std::size_t i = 0; i < declared.samples.size(); ++i) {
      const std::string sample = item_path(child_path(key, "samples"), i);
      ask(child_path(sample, "input"), declared.samples[i].input);
      ask(child_path(sample, "output"), declared.samples[i].output);
      for (const auto& [input, file] : declared.samples[i].inputs) {
        ask(child_path(child_path(sample, "inputs"), input), file);
      }
    }
    for (std::size_t i = 0; i < declared.conversions.size(); ++i) {
      ask(child_path(item_path(child_path(key, "conversions"), i), "path"), declared.conversions[i].path);
    }
  }

  std::vector<PathQuestion> take() { return std::move(questions_); }

 private:
  const Plan& plan_;
  std::vector<PathQuestion> questions_;
};

Needs operator|(Needs a, Needs b) {
  return {.package = a.package || b.package,
          .artifact = a.artifact || b.artifact,
          .values = a.values || b.values,
          .host = a.host || b.host,
          .source = a.source || b.source,
          .runtime = a.runtime || b.runtime,
          .predictor = a.predictor || b.predictor,
          .predictor_weights = a.predictor_weights || b.predictor_weights,
          .conversions = a.conversions || b.conversions,
          .parity = a.parity || b.parity,
          .service = a.service || b.service,
          .standing = a.standing || b.standing};
}

// Sizes that the model is not used with every day may end the process, and an executor that specialises on
// sizes would be timed after them: they come after the times.
int order_of(const Experiment& experiment) {
  const bool unusual = !experiment.axes.empty() || !experiment.sizes.empty();
  switch (experiment.kind) {
    case ExperimentKind::infer:
      return unusual ? 2 : 0;
    case ExperimentKind::latency:
      return 1;
    case ExperimentKind::limit:
      return 3;
    case ExperimentKind::cold_start:
      break;
  }
  return 4;
}

std::vector<Experiment> default_inferences(const ModelDeclaration& model) {
  const auto entries = built_in_checks();
  const auto found =
      std::ranges::find(entries, "inference", [](const CatalogueEntry& entry) { return entry.info->id; });
  if (found == entries.end()) {
    return {};
  }
  Json options = Json::object();
  for (const FieldInfo& option : found->info->option_type().members) {
    if (!option.fallback.is_null()) {
      options[option.name] = option.fallback;
    }
  }
  return found->info->plan(model, options);
}

// The experiments of the judged checks whose needs `counts` says to count.
template <class Counts>
std::vector<Experiment> gather(const PlannedModel& model, std::optional<std::size_t> conversion,
                               const Counts& counts) {
  const ModelDeclaration declaration =
      conversion ? as_model(model.declaration, *conversion) : model.declaration;
  std::vector<Experiment> all;
  for (const PlannedCheck& check : model.checks) {
    if (!is_judged(check) || !counts(needs_of(check))) {
      continue;
    }
    for (Experiment& experiment : experiments_of(check, declaration)) {
      if (std::ranges::find(all, experiment) == all.end()) {
        all.push_back(std::move(experiment));
      }
    }
  }
  std::ranges::stable_sort(all, {}, order_of);
  return all;
}

}  // namespace

bool is_judged(const PlannedCheck& check) {
  return check.skip_reason.empty() && check.cannot_run.empty() &&
         (check.built_in != nullptr || check.plugin.has_value());
}

Needs needs_of(const PlannedCheck& check) {
  return check.built_in != nullptr ? check.built_in->needs : check.plugin ? check.plugin->needs : Needs{};
}

Needs needs_of(const PlannedModel& model) {
  Needs all;
  for (const PlannedCheck& check : model.checks) {
    if (is_judged(check)) {
      all = all | needs_of(check);
    }
  }
  all.runtime = all.runtime || all.parity;
  all.predictor = all.predictor || all.predictor_weights;
  all.artifact = all.artifact || all.standing || all.runtime || all.values || all.predictor || all.source;
  all.package = all.package || all.artifact;
  return all;
}

std::vector<PathQuestion> path_questions(const Plan& plan) {
  Questions questions(plan);
  for (const PlannedModel& model : plan.models) {
    questions.ask_model(model);
  }
  return questions.take();
}

std::vector<Experiment> experiments_of(const PlannedCheck& check, const ModelDeclaration& model) {
  if (check.built_in != nullptr) {
    return check.built_in->plan(model, check.options);
  }
  return check.plugin && check.plugin->needs.runtime ? default_inferences(model) : std::vector<Experiment>{};
}

std::vector<Experiment> experiments_of(const PlannedModel& model, std::optional<std::size_t> conversion) {
  return gather(model, conversion,
                [&](const Needs& needs) { return !conversion || needs.conversions || needs.parity; });
}

std::vector<Experiment> usual_inferences(const PlannedModel& model) {
  std::vector<Experiment> usual = experiments_of(model, std::nullopt);
  std::erase_if(usual, [](const Experiment& experiment) {
    return experiment.kind != ExperimentKind::infer || !experiment.axes.empty() ||
           !experiment.sizes.empty() || experiment.gradients;
  });
  return usual;
}

std::vector<Experiment> compared_experiments(const PlannedModel& model,
                                             std::optional<std::size_t> conversion) {
  return gather(model, conversion, [](const Needs& needs) { return needs.parity; });
}

}  // namespace runup
