// SPDX-License-Identifier: Apache-2.0
#include "runner/judge_files.h"

#include <catch2/catch_test_macros.hpp>

#include "facts/model_files.h"

namespace runup {
namespace {

ArtifactFacts artifact_of(ArtifactKind kind) { return {.kind = kind}; }

// A checkpoint with one ONNX and one TorchScript conversion.
Facts three_files() {
  Facts facts{.target = {.target = "t", .package = "/srv"}, .model_name = "m"};
  facts.model = {.path = "/srv/a.pth",
                 .state_dict = "model",
                 .architecture = "/srv/a.py",
                 .inputs = {{.name = "frames", .shape = {{.size = 3}}}},
                 .samples = {{.input = "/srv/s.npy", .rtol = 1e-6, .atol = 1e-3}}};
  facts.model.conversions = {{.path = "/srv/b.onnx", .inputs = {{"frames", "x"}}}, {.path = "/srv/c.pt"}};
  facts.artifact = Observed<ArtifactFacts>::seen(artifact_of(ArtifactKind::torch_zip), {});
  facts.conversions = {
      {.artifact = Observed<ArtifactFacts>::seen(artifact_of(ArtifactKind::onnx), {})},
      {.artifact = Observed<ArtifactFacts>::seen(artifact_of(ArtifactKind::torchscript), {})}};
  PackageFacts package{.root = "/srv"};
  package.paths = {{.asked_by = "models.m.path", .path = "/srv/a.pth"},
                   {.asked_by = "models.m.conversions[0].path", .path = "/srv/b.onnx"},
                   {.asked_by = "models.m.conversions[0].path/external/w.bin", .path = "/srv/w.bin"},
                   {.asked_by = "models.m.conversions[1].path", .path = "/srv/c.pt"}};
  facts.package = Observed<PackageFacts>::seen(std::move(package), {});
  return facts;
}

Finding finding(std::string message, std::string key) {
  return {.id = "bad", .message = std::move(message), .where = {.key = std::move(key)}};
}

TEST_CASE("a conversion is seen as if it were the model") {
  const Facts facts = three_files();
  const Facts view = as_model(facts, 0);
  CHECK(view.model.path == "/srv/b.onnx");
  CHECK(view.model.inputs.front().name == "x");
  CHECK(view.model.state_dict.empty());
  CHECK(view.model.conversions.empty());
  CHECK(view.artifact->kind == ArtifactKind::onnx);
  CHECK(view.model.samples.front().rtol == 1e-3);
  CHECK(view.model.samples.front().atol == 1e-3);
  REQUIRE(view.package->find("models.m.path") != nullptr);
  CHECK(view.package->find("models.m.path")->path == "/srv/b.onnx");
  REQUIRE(view.package->find("models.m.path/external/w.bin") != nullptr);
  CHECK(view.package->find("models.m.conversions[0].path") == nullptr);
  REQUIRE(view.package->find("models.m.conversions[1].path") != nullptr);
}

TEST_CASE("the class names of a checkpoint are those of its conversions") {
  Facts facts = three_files();
  facts.model.labels = LabelsDeclaration{.from = LabelSource::checkpoint, .key = "enc"};
  facts.artifact.value->label_lists.push_back({.path = "enc", .classes = {"a", "b"}});
  const Facts view = as_model(facts, 1);
  REQUIRE(view.model.labels);
  CHECK(view.model.labels->from == LabelSource::file);
  CHECK(view.model.labels->key == "enc");
  CHECK(view.label_file->label_lists.front().classes.size() == 2);
}

TEST_CASE("files: what is said of a conversion names it and its key") {
  const Judgement merged = judge_files(three_files(), true, [](const Facts& view) {
    Judgement judgement;
    judgement.saw("output", "fine");
    if (view.artifact->kind == ArtifactKind::onnx) {
      judgement.findings.push_back(finding("is bad", "models.m.path"));
      judgement.findings.push_back(finding("`b.onnx` is bad", "models.m.inputs"));
    }
    return judgement;
  });
  REQUIRE(merged.findings.size() == 2);
  CHECK(merged.findings[0].message == "`b.onnx`: is bad");
  CHECK(merged.findings[0].where.key == "models.m.conversions[0].path");
  CHECK(merged.findings[1].message == "`b.onnx` is bad");
  CHECK(merged.findings[1].where.key == "models.m.inputs");
  REQUIRE(merged.looked_at.size() == 3);
  CHECK(merged.looked_at[0].name == "output");
  CHECK(merged.looked_at[1].name == "b.onnx: output");
}

TEST_CASE("files: what is said of every file is said once") {
  const Judgement merged = judge_files(three_files(), true, [](const Facts&) {
    Judgement judgement;
    judgement.findings.push_back(finding("no budget is set", "checks.x"));
    return judgement;
  });
  CHECK(merged.findings.size() == 1);
}

TEST_CASE(
    "files: one that the check does not apply to does not skip the others, nor hide that none is left") {
  const auto only = [](ArtifactKind kind) {
    return judge_files(three_files(), true, [kind](const Facts& view) {
      if (view.artifact->kind != kind) {
        return Judgement::skip("no such file");
      }
      Judgement judgement;
      judgement.saw("it", "fine");
      return judgement;
    });
  };
  CHECK_FALSE(only(ArtifactKind::onnx).skipped);
  CHECK(only(ArtifactKind::onnx).looked_at.size() == 1);
  CHECK(only(ArtifactKind::npy).skipped == "no such file");
}

TEST_CASE("files: one that could not be told leaves all undecided") {
  const Judgement merged = judge_files(three_files(), true, [](const Facts& view) {
    Judgement judgement;
    judgement.saw("it", "fine");
    if (view.artifact->kind == ArtifactKind::torchscript) {
      judgement.undecided = "it crashed";
    }
    return judgement;
  });
  CHECK(merged.undecided == "`c.pt`: it crashed");
}

TEST_CASE("files: weights without code are in nobody's way once a conversion ran") {
  Facts facts = three_files();
  const auto judge = [](const Facts& view) {
    if (view.artifact->kind == ArtifactKind::torch_zip) {
      return Judgement::cannot_tell("it holds weights without code");
    }
    Judgement judgement;
    judgement.saw("it", "fine");
    return judgement;
  };
  CHECK(judge_files(facts, true, judge).undecided);
  facts.model.architecture.clear();
  const Judgement merged = judge_files(facts, true, judge);
  CHECK_FALSE(merged.undecided);
  CHECK(merged.looked_at.front().value == "not run: it holds weights without code; a conversion was run");
  // Nothing ran instead.
  CHECK(judge_files(facts, true, [](const Facts&) { return Judgement::cannot_tell("nothing"); }).undecided);
  CHECK(judge_files(facts, false, judge).undecided);
}

}  // namespace
}  // namespace runup
