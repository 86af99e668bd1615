// SPDX-License-Identifier: Apache-2.0
#include "init/text.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "base/scratch_folder.h"
#include "check/catalogue.h"
#include "config/load.h"

namespace runup::init {
namespace {

// What is written, as runup reads it.
Plan load(const Draft& draft) {
  const auto folder = ScratchFolder::make("runup-init-test");
  REQUIRE(folder);
  const std::string file = folder->path() + "/runup.yaml";
  const std::string text = render_draft(draft);
  std::ofstream(file, std::ios::binary) << text;
  auto plan = load_config({.config = file, .catalogue = built_in_checks()});
  INFO(text);
  if (!plan) {
    for (const ConfigError& error : plan.error()) {
      UNSCOPED_INFO(error.text());
    }
  }
  REQUIRE(plan);
  return std::move(*plan);
}

Draft small() {
  return {.target = {.target = "service", .package = ".", .entrypoint = "main.py"},
          .models = {{.name = "net", .declared = {.path = "net.pth"}}}};
}

// Names that somebody else gave, all of them UTF-8.
const std::vector<std::string> kHostile{"a b.pth",
                                        "a\nb: c.pth",
                                        "a\tb.pth",
                                        "a: b #c.pth",
                                        "a #b.pth",
                                        "- a.pth",
                                        "{a: b}",
                                        "[a, b]",
                                        "\"a'.pth",
                                        "a\\nb.pth",
                                        "*a.pth",
                                        "&a.pth",
                                        "!a.pth",
                                        "%a.pth",
                                        "@a.pth",
                                        "`a`.pth",
                                        "null",
                                        "yes",
                                        "12",
                                        "1e3",
                                        "~",
                                        "...",
                                        "---",
                                        "a:",
                                        " a ",
                                        "a\r\nb",
                                        "a\x01\x7F.pth",
                                        std::string("a\xC2\x85") + "b.pth",
                                        std::string("a\xE2\x80\xA8") + "b\xE2\x80\xA9.pth",
                                        std::string("\xEF\xBB\xBF") + "a.pth",
                                        "손짓.pth",
                                        "a\xF0\x9F\x98\x80.pth",
                                        "a\xEF\xBF\xBD.pth",
                                        std::string(3000, 'x')};

TEST_CASE("every text is read back as it is") {
  for (const std::string& name : kHostile) {
    INFO(name);
    Draft draft = small();
    ModelDeclaration& model = draft.models.front().declared;
    model.path = name;
    model.state_dict = name;
    model.labels = LabelsDeclaration{.from = LabelSource::checkpoint, .key = name};
    model.inputs = {{.name = name, .shape = {{.axis = "batch"}, {.size = 3}}}};
    model.axes["batch"] = {.example = 1, .range = {1, 8}};
    model.samples = {{.input = name, .output = name}};
    model.conversions = {{.path = name}};
    for (const std::string key :
         {"path", "state_dict", "labels", "inputs", "inputs[0]", "axes.batch", "samples"}) {
      draft.models.front().comments.why[key] = name;
    }
    draft.models.front().comments.below["factory"] = {{.text = name, .why = name}};
    draft.models.front().comments.below["conversions"] = {{.text = name, .why = name}};
    draft.comments.why["entrypoint"] = name;
    draft.notes = {name, "\xFF\xFE: " + name};
    const Plan plan = load(draft);
    REQUIRE(plan.models.size() == 1);
    const ModelDeclaration& read = plan.models.front().declaration;
    CHECK(plan.written_paths.at("models.net.path") == name);
    CHECK(plan.written_paths.at("models.net.conversions[0].path") == name);
    CHECK(plan.written_paths.at("models.net.samples[0].output") == name);
    CHECK(read.state_dict == name);
    CHECK(read.labels == model.labels);
    CHECK(read.inputs == model.inputs);
    CHECK(read.axes == model.axes);
    CHECK(plan.target.target == "service");
  }
}

TEST_CASE("everything that a draft can say is read back") {
  Draft draft = small();
  draft.target.installed_at = "/app";
  draft.target.mounts = {{.at = "/models", .from = "store"}};
  draft.models.front().declared = {.path = "/models/net.pth",
                                   .factory = "net:get_net",
                                   .state_dict = "model",
                                   .architecture = "architectures/net.py",
                                   .device = "cuda",
                                   .inputs = {{.name = "ids",
                                               .dtype = DType::int64,
                                               .shape = {{.axis = "n"}},
                                               .range = ValueRange{.low = 0, .high = 9}}},
                                   .axes = {{"n", {.example = 2}}}};
  draft.models.push_back({.name = "other", .declared = {.path = "other.onnx"}});
  draft.service =
      ServiceDeclaration{.command = "uvicorn main:app --host {host} --port {port}",
                         .liveness = "/live",
                         .readiness = "/health",
                         .predict = PredictDeclaration{.path = "/predict", .body = "predict.json"}};
  const Plan plan = load(draft);
  REQUIRE(plan.models.size() == 2);
  const ModelDeclaration& read = plan.models.front().declaration;
  CHECK(read.factory == "net:get_net");
  CHECK(read.device == "cuda");
  CHECK(read.inputs == draft.models.front().declared.inputs);
  CHECK(read.axes == draft.models.front().declared.axes);
  CHECK(plan.target.installed_at == "/app");
  CHECK(plan.target.mounts.front().at == "/models");
  CHECK(plan.resolved["service"]["command"] == draft.service->command);
  CHECK(plan.resolved["service"]["readiness"] == "/health");
}

TEST_CASE("comments stand below each other, and a long one above its line") {
  Draft draft = small();
  draft.comments.why["entrypoint"] = "`app` is a FastAPI application";
  draft.comments.below["python"] = {{.text = "python: .venv/bin/python", .why = "found by itself"}};
  Comments& comments = draft.models.front().comments;
  comments.why["path"] = "read in net.py:10";
  comments.below["factory"] = {{.text = "factory: module:function", .why = std::string(100, 'x')}};
  draft.notes = {"old.pth: a PyTorch checkpoint that no source reads"};
  CHECK(render_draft(draft) ==
        "# What has to hold before this service is deployed; judge it with `runup run`.\n"
        "# Written by `runup init`: what is a guess says so, and what it could not tell waits in comments.\n"
        "version: 1\n"
        "target: service\n"
        "package: .\n"
        "entrypoint: main.py         # `app` is a FastAPI application\n"
        "# python: .venv/bin/python  # found by itself\n"
        "models:\n"
        "  net:\n"
        "    path: net.pth  # read in net.py:10\n"
        "    # " +
            std::string(100, 'x') +
            "\n"
            "    # factory: module:function\n"
            "    device: cpu\n"
            "  # old.pth: a PyTorch checkpoint that no source reads\n");
}

}  // namespace
}  // namespace runup::init
