// SPDX-License-Identifier: Apache-2.0
#include "facts/labels.h"

#include <catch2/catch_test_macros.hpp>

using namespace runup;

namespace {

Facts checkpoint(std::vector<LabelListFacts> lists) {
  Facts facts;
  facts.model.path = "/srv/sign.pth";
  ArtifactFacts artifact{.kind = ArtifactKind::torch_zip};
  artifact.label_lists = std::move(lists);
  artifact.objects = {{.path = "label_encoder", .type = "dict"}};
  facts.artifact = Observed<ArtifactFacts>::seen(std::move(artifact), {});
  return facts;
}

void add(Facts& facts, std::string path, std::vector<std::int64_t> shape) {
  facts.artifact.value->tensors.push_back({.path = std::move(path), .shape = std::move(shape)});
}

Facts weights() {
  Facts facts = checkpoint({});
  facts.artifact.value->state_dicts.push_back({.path = "model", .role = "weights"});
  add(facts, "model.conv.weight", {16, 147, 3});
  add(facts, "model.head.weight", {12, 16});
  add(facts, "model.head.bias", {12});
  add(facts, "optimizer.exp_avg", {99, 16});
  return facts;
}

}  // namespace

TEST_CASE("labels: the key decides; without one, a single list that is called like labels") {
  Facts facts =
      checkpoint({{.path = "meta.classes", .classes = {"a"}}, {.path = "history.loss", .classes = {"0.1"}}});
  CHECK(choose_labels(facts).chosen->path == "meta.classes");
  CHECK_FALSE(choose_labels(facts).declared);
  facts.model.labels = LabelsDeclaration{.from = LabelSource::checkpoint, .key = "history.loss"};
  CHECK(choose_labels(facts).chosen->path == "history.loss");
  facts.model.labels->key = "label_encoder";
  CHECK(choose_labels(facts).problem == LabelProblem::not_labels);
  facts.model.labels->key = "absent";
  CHECK(choose_labels(facts).problem == LabelProblem::not_found);
}

TEST_CASE("labels: what nobody declared need not be there") {
  CHECK(choose_labels(checkpoint({{.path = "history.loss", .classes = {"0.1"}}})).problem ==
        LabelProblem::not_wanted);
  Facts several = checkpoint({{.path = "classes", .classes = {"a"}}, {.path = "names", .classes = {"b"}}});
  CHECK(choose_labels(several).problem == LabelProblem::not_wanted);
  several.model.labels = LabelsDeclaration{.from = LabelSource::checkpoint};
  CHECK(choose_labels(several).problem == LabelProblem::several);
  CHECK(choose_labels(several).candidates == std::vector<std::string>{"classes", "names"});
  several.artifact.value->label_lists[1].classes = {"a"};
  CHECK(choose_labels(several).chosen->path == "classes");
}

TEST_CASE("labels: a file of its own") {
  Facts facts = checkpoint({});
  facts.model.labels = LabelsDeclaration{.from = LabelSource::file, .path = "/srv/names.json"};
  CHECK(choose_labels(facts).problem == LabelProblem::not_observed);
  ArtifactFacts file;
  file.label_lists = {{.path = "", .classes = {"a", "b"}}};
  facts.label_file = Observed<ArtifactFacts>::seen(file, {});
  CHECK(choose_labels(facts).name == "`names.json`");
  CHECK(choose_labels(facts).chosen->classes.size() == 2);
}

TEST_CASE("output width: a run before the weights, the weights without their optimizer") {
  Facts facts = weights();
  CHECK(output_width(facts)->classes == 12);
  CHECK_FALSE(output_width(facts)->observed);
  CHECK(output_width(facts)->source == "`model.head.weight`");
  RuntimeFacts runtime;
  runtime.experiments.push_back({.outputs = {{.name = "output[0]", .shape = {1, 300, 7}}}});
  facts.runtimes.push_back(Observed<RuntimeFacts>::seen(std::move(runtime), {}));
  CHECK(output_width(facts)->classes == 7);
  CHECK(output_width(facts)->observed);
  CHECK_FALSE(output_width(checkpoint({})));
}

TEST_CASE("output width: which layers could have so many outputs") {
  const Facts facts = weights();
  CHECK(weights_can_have(facts, 12));
  CHECK(weights_can_have(facts, 16));
  CHECK_FALSE(weights_can_have(facts, 99));
  CHECK(weights_can_have(checkpoint({}), 99));
  CHECK(head_tensor(facts, 12) == "model.head.bias");
  CHECK(head_tensor(facts, 16).empty());
}
