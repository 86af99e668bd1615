// SPDX-License-Identifier: Apache-2.0
#include "runner/questions.h"

#include <catch2/catch_test_macros.hpp>

namespace runup {
namespace {

const CheckInfo* built_in(std::string_view id) {
  for (const CatalogueEntry& entry : built_in_checks()) {
    if (entry.info->id == id) {
      return entry.info;
    }
  }
  FAIL("there is no check " << id);
  return nullptr;
}

PlannedCheck planned(std::string_view id, Json options = Json::object()) {
  const CheckInfo* info = built_in(id);
  for (const FieldInfo& option : info->option_type().members) {
    if (!options.contains(option.name) && !option.fallback.is_null()) {
      options[option.name] = option.fallback;
    }
  }
  return {.id = std::string(id), .built_in = info, .options = std::move(options)};
}

PlannedModel model_with(std::vector<PlannedCheck> checks) {
  return {.name = "m",
          .declaration = {.path = "/p/m.pth",
                          .inputs = {{.name = "x", .shape = {{.size = 1}, {.size = 4}}}},
                          .samples = {{.input = "/p/a.npy", .output = "/p/a.out.npy"}}},
          .checks = std::move(checks)};
}

TEST_CASE("questions: needs are those of the checks that are judged, with what those need") {
  CHECK_FALSE(needs_of(model_with({})).package);
  const Needs runtime = needs_of(model_with({planned("warmup-budget")}));
  CHECK(runtime.runtime);
  CHECK(runtime.artifact);
  CHECK(runtime.package);
  CHECK_FALSE(runtime.host);
  CHECK_FALSE(runtime.values);
  const Needs values = needs_of(model_with({planned("weights-health")}));
  CHECK(values.values);
  CHECK(values.artifact);
  PlannedCheck skipped = planned("warmup-budget");
  skipped.skip_reason = "`--skip warmup-budget`";
  PlannedCheck unable{.id = "outside", .cannot_run = "it does not start"};
  const Needs none = needs_of(model_with({skipped, unable}));
  CHECK_FALSE(none.runtime);
  CHECK_FALSE(none.package);
  PlannedCheck plugin{.id = "outside", .plugin = PluginInfo{.id = "outside", .needs = {.host = true}}};
  CHECK(needs_of(model_with({plugin})).host);
}

TEST_CASE("questions: experiments of several checks, each once, the risky ones last") {
  PlannedModel model = model_with({planned("warmup-budget"), planned("input-shape"), planned("inference")});
  model.declaration.inputs.front().shape.front() = {.axis = "batch"};
  model.declaration.axes["batch"] = {.example = 1, .range = {1, 8}};
  const std::vector<Experiment> all = experiments_of(model);
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = i + 1; j < all.size(); ++j) {
      CHECK_FALSE(all[i] == all[j]);
    }
  }
  const auto place = [&](const auto& is) { return std::ranges::find_if(all, is) - all.begin(); };
  const auto is_kind = [](ExperimentKind kind) {
    return [kind](const Experiment& experiment) { return experiment.kind == kind; };
  };
  const auto other_sizes = [](const Experiment& experiment) {
    return experiment.kind == ExperimentKind::infer && !(experiment.axes.empty() && experiment.sizes.empty());
  };
  CHECK(all.front().kind == ExperimentKind::infer);
  CHECK(place(is_kind(ExperimentKind::latency)) < place(other_sizes));
  CHECK(place(other_sizes) < place(is_kind(ExperimentKind::limit)));
  CHECK(place(is_kind(ExperimentKind::limit)) < place(is_kind(ExperimentKind::cold_start)));
  CHECK(all.back().kind == ExperimentKind::cold_start);
  for (const PlannedCheck& check : model.checks) {
    for (const Experiment& own : experiments_of(check, model.declaration)) {
      CHECK(std::ranges::find(all, own) != all.end());
    }
  }
}

TEST_CASE("questions: a plugin that reads runtime facts gets the inferences of the built-in check") {
  const PlannedModel model = model_with({});
  PlannedCheck plugin{.id = "outside", .plugin = PluginInfo{.id = "outside", .needs = {.runtime = true}}};
  CHECK(experiments_of(plugin, model.declaration) == experiments_of(planned("inference"), model.declaration));
  plugin.plugin->needs.runtime = false;
  CHECK(experiments_of(plugin, model.declaration).empty());
}

TEST_CASE("questions: every path of a model is asked for by its key") {
  Plan plan{.models = {model_with({})}};
  PlannedModel& model = plan.models[0];
  model.name = "my model";
  model.declaration.architecture = "/p/net.py";
  model.declaration.labels = LabelsDeclaration{.from = LabelSource::file, .path = "/p/labels.json"};
  model.declaration.conversions = {{.path = "/p/m.onnx"}};
  model.declaration.samples.push_back({.inputs = {{"x", "/p/b.npy"}}});
  plan.written_paths["models.\"my model\".path"] = "m.pth";
  const std::vector<PathQuestion> questions = path_questions(plan);
  std::vector<std::string> keys;
  for (const PathQuestion& question : questions) {
    keys.push_back(question.asked_by);
  }
  CHECK(keys == std::vector<std::string>{
                    "models.\"my model\".path", "models.\"my model\".architecture",
                    "models.\"my model\".labels.path", "models.\"my model\".samples[0].input",
                    "models.\"my model\".samples[0].output", "models.\"my model\".samples[1].inputs.x",
                    "models.\"my model\".conversions[0].path"});
  CHECK(questions[0].written == "m.pth");
  CHECK(questions[0].path == "/p/m.pth");
  CHECK(questions[1].written == "/p/net.py");
}

}  // namespace
}  // namespace runup
