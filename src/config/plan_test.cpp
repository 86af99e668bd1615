// SPDX-License-Identifier: Apache-2.0
#include "config/plan.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>

#include "base/yaml_tree.h"
#include "config/paths.h"
#include "config/plan_text.h"
#include "config/test_checks.h"

namespace runup {
namespace {

using test::errors_text;
using test::load_text;
using test::TemporaryFolder;

// The design's example, with checks that exist here.
constexpr std::string_view kExample = R"(version: 1
target: sign-language-service
package: .                       # resolved against this file, never against the cwd
installed_at: /app
mounts: [{at: /models, from: ../model-store}]
entrypoint: main.py
python: .venv/bin/python
models:
  sign:
    path: models/cnn_bilstm_attention_model.pth
    factory: processing.predictor:get_predictor
    state_dict: model_state_dict
    architecture: architectures/cnn_bilstm_attention.py
    device: cpu
    labels: {from: checkpoint, key: label_encoder}
    inputs:
      - {name: frames, dtype: float32, shape: [batch, time, 147]}
    axes:
      batch: {example: 1, range: [1, 8]}
      time:  {example: 300, range: [1, 500]}
    samples: [{input: samples/hello.npy, output: samples/hello.out.npy, label: 안녕하세요}]
    conversions:
      - {path: models/model.onnx, rtol: 1.0e-3, atol: 1.0e-5}
      - {path: models/model.ts.pt}
service:
  command: uvicorn main:app --host {host} --port {port}
  env: {LOG_LEVEL: info}
  network: none
  liveness: /live
  readiness: /health
  predict: {path: /predict, body: samples/predict.json}
  on_missing_model: unhealthy
checks:
  a-budget: {load: 2s, first: 500ms}
  label-encoder: {severity: {class-count-mismatch: warning}}
)";

TEST_CASE("the design's example becomes a typed plan") {
  const TemporaryFolder folder;
  const auto plan = load_text(folder, kExample);
  INFO(errors_text(plan));
  REQUIRE(plan);
  const std::string& here = folder.path();
  CHECK(plan->config_file == here + "/runup.yaml");
  CHECK(plan->target.target == "sign-language-service");
  CHECK(plan->target.package == here);
  CHECK(plan->target.entrypoint == here + "/main.py");
  CHECK(plan->target.python == here + "/.venv/bin/python");
  CHECK(plan->target.installed_at == "/app");
  REQUIRE(plan->target.mounts.size() == 1);
  CHECK(plan->target.mounts[0].from == std::filesystem::path(here).parent_path().string() + "/model-store");
  REQUIRE(plan->models.size() == 1);
  const ModelDeclaration& sign = plan->models[0].declaration;
  CHECK(sign.path == here + "/models/cnn_bilstm_attention_model.pth");
  CHECK(sign.architecture == here + "/architectures/cnn_bilstm_attention.py");
  CHECK(sign.labels.value_or(LabelsDeclaration{}).from == LabelSource::checkpoint);
  REQUIRE(sign.inputs.size() == 1);
  CHECK(sign.inputs[0].shape == std::vector<Dimension>{{.axis = "batch"}, {.axis = "time"}, {.size = 147}});
  CHECK(sign.axes.at("time").range == std::vector<std::int64_t>{1, 500});
  REQUIRE(sign.samples.size() == 1);
  CHECK(sign.samples[0].input == here + "/samples/hello.npy");
  CHECK(sign.samples[0].label == "안녕하세요");
  REQUIRE(sign.conversions.size() == 2);
  CHECK(sign.conversions[1].path == here + "/models/model.ts.pt");
  CHECK(plan->service_environment == std::map<std::string, std::string>{{"LOG_LEVEL", "info"}});
  CHECK(plan->written_paths.at("models.sign.path") == "models/cnn_bilstm_attention_model.pth");
  CHECK(plan->written_paths.at("models.sign.samples[0].output") == "samples/hello.out.npy");
  CHECK(plan->resolved["service"]["predict"]["body"] == here + "/samples/predict.json");
}

TEST_CASE("an archive is a package: what is in it is below its own path") {
  const TemporaryFolder folder;
  const auto plan = load_text(folder, R"(version: 1
target: packed
package: dist/service.tar.gz
installed_at: /app
entrypoint: app/main.py
models:
  m:
    path: /app/models/x.pth
    inputs: [{name: x, dtype: float32, shape: [1]}]
    conversions: [{path: ../models/x.onnx}]
)");
  INFO(errors_text(plan));
  REQUIRE(plan);
  const std::string archive = folder.path() + "/dist/service.tar.gz";
  CHECK(plan->target.package == archive);
  CHECK(plan->target.entrypoint == archive + "/app/main.py");
  CHECK(plan->models[0].declaration.path == archive + "/models/x.pth");
  CHECK(plan->models[0].declaration.conversions[0].path == archive + "/models/x.onnx");
}

TEST_CASE("checks come in reading order with their options and severities") {
  const TemporaryFolder folder;
  const auto plan = load_text(folder, kExample);
  REQUIRE(plan);
  const auto& checks = plan->models[0].checks;
  REQUIRE(checks.size() == 3);
  CHECK(checks[0].id == "label-encoder");
  CHECK(checks[0].built_in == &test::kLabels);
  CHECK(checks[0].severity == SeverityOverrides{{"class-count-mismatch", Severity::warning}});
  CHECK(checks[0].options == Json::object());
  CHECK(checks[1].id == "inference");
  CHECK(checks[2].id == "a-budget");
  CHECK(checks[2].options == Json::parse(R"({"load": 2.0, "first": 0.5, "memory": 1024, "processes": 3})"));
  CHECK(plan->models[0].inference_required);
  CHECK(plan->jobs == 2);
  CHECK_FALSE(plan->strict);
}

TEST_CASE("every value has an origin") {
  const TemporaryFolder folder;
  const auto plan = load_text(folder, kExample);
  REQUIRE(plan);
  CHECK(plan->origins.at("target") == "runup.yaml:2:1");
  CHECK(plan->origins.at("models.sign.device") == "runup.yaml:14:5");
  CHECK(plan->origins.at("models.sign.inputs[0].dtype") == "runup.yaml:17:24");
  CHECK(plan->origins.at("models.sign.samples[0].rtol") == "default");
  CHECK(plan->origins.at("models.sign.conversions[1].rtol") == "default");
  CHECK(plan->origins.at("checks.a-budget.load") == "runup.yaml:34:14");
  CHECK(plan->origins.at("checks.a-budget.processes") == "default");
  CHECK(plan->origins.at("checks.inference.required") == "default");
  CHECK(plan->origins.at("plugins") == "default");
}

TEST_CASE("`enabled: false` skips, and inference may be waived") {
  const TemporaryFolder folder;
  const auto plan = load_text(folder,
                              "version: 1\ntarget: x\nmodels: {m: {path: a}}\nchecks:\n  label-encoder: "
                              "{enabled: false}\n  inference: {required: false}\n");
  REQUIRE(plan);
  CHECK(plan->models[0].checks[0].skip_reason == "`enabled: false` (runup.yaml:5:19)");
  CHECK(plan->models[0].checks[1].skip_reason.empty());
  CHECK_FALSE(plan->models[0].inference_required);
}

TEST_CASE("the working directory changes nothing") {
  const TemporaryFolder folder;
  const TemporaryFolder elsewhere;
  const auto from_here = load_text(folder, kExample);
  REQUIRE(from_here);
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(elsewhere.path());
  const auto from_elsewhere = load_text(folder, kExample);
  // a config that is given relative to the working directory
  std::filesystem::current_path(folder.path());
  const auto relative = load_config({.config = "./runup.yaml", .catalogue = test::kCatalogue});
  std::filesystem::current_path(before);
  REQUIRE(from_elsewhere);
  REQUIRE(relative);
  for (const Plan& other : {*from_elsewhere, *relative}) {
    CHECK(other.resolved == from_here->resolved);
    CHECK(other.config_file == from_here->config_file);
    CHECK(other.target == from_here->target);
    CHECK(other.models[0].declaration == from_here->models[0].declaration);
  }
}

// What a model's path means for a package at /pkg whose config lies in /conf.
std::string local_path(const std::string& path, const std::string& entrypoint,
                       const std::string& installed_at, std::vector<MountDeclaration> mounts = {}) {
  TargetDeclaration target{.target = "x",
                           .package = "/pkg",
                           .installed_at = installed_at,
                           .mounts = std::move(mounts),
                           .entrypoint = entrypoint};
  PathResolver resolver("/conf", target);
  ModelDeclaration model{.path = path, .architecture = "a.py"};
  resolver.resolve_model("m", model);
  CHECK(model.architecture == "/conf/a.py");
  return model.path;
}

TEST_CASE("a model's path is read with the server's eyes") {
  CHECK(local_path("m.pth", "", "") == "/pkg/m.pth");
  CHECK(local_path("m.pth", "main.py", "") == "/pkg/m.pth");
  CHECK(local_path("m.pth", "app/main.py", "") == "/pkg/app/m.pth");
  CHECK(local_path("../models/m.pth", "app/main.py", "") == "/pkg/models/m.pth");
  CHECK(local_path("../../m.pth", "app/main.py", "") == "/m.pth");
  CHECK(local_path("./a//b/../m.pth", "main.py", "") == "/pkg/a/m.pth");
  CHECK(local_path("/srv/m.pth", "main.py", "") == "/srv/m.pth");
  // installed
  CHECK(local_path("/app/models/m.pth", "main.py", "/app") == "/pkg/models/m.pth");
  CHECK(local_path("/app/../app/m.pth", "main.py", "/app/") == "/pkg/m.pth");
  CHECK(local_path("/application/m.pth", "main.py", "/app") == "/application/m.pth");
  CHECK(local_path("m.pth", "/app/src/main.py", "/app") == "/pkg/src/m.pth");
  CHECK(local_path("../m.pth", "main.py", "/app") == "/m.pth");
  // mounted
  const std::vector<MountDeclaration> store{{.at = "/models", .from = "../store"}};
  CHECK(local_path("/models/m.pth", "main.py", "/app", store) == "/store/m.pth");
  CHECK(local_path("../models/m.pth", "main.py", "/app", store) == "/store/m.pth");
  CHECK(local_path("/models", "main.py", "", store) == "/store");
  // a mount over a folder of the package hides what the package has there
  const std::vector<MountDeclaration> inside{{.at = "/app/models", .from = "store"}};
  CHECK(local_path("models/m.pth", "main.py", "/app", inside) == "/conf/store/m.pth");
  CHECK(local_path("other/m.pth", "main.py", "/app", inside) == "/pkg/other/m.pth");
  CHECK(local_path("/app/models/m.pth", "main.py", "/app", inside) == "/conf/store/m.pth");
  // an entry point from a mount
  CHECK(local_path("m.pth", "/models/main.py", "/app", store) == "/store/m.pth");
}

TEST_CASE("the resolved plan is a config that gives the same plan") {
  const TemporaryFolder folder;
  const auto plan = load_text(
      folder, kExample,
      {.set = {"models.sign.device=cuda:1", "models.b.path=/elsewhere/b.pth", "checks.a-budget.first=1500us",
               "checks.a-budget.memory=3GB", "checks.inference.severity=warning",
               "checks.label-encoder.enabled=false", "models.b.state_dict=\"yes: # no\"",
               "service.network={allow: ['127.0.0.1:6379']}"}});
  INFO(errors_text(plan));
  REQUIRE(plan);
  const std::string text = render_plan(*plan);
  INFO(text);
  const TemporaryFolder other;
  const auto again = load_text(other, text);
  INFO(errors_text(again));
  REQUIRE(again);
  CHECK(again->resolved == plan->resolved);
  CHECK(again->target == plan->target);
  REQUIRE(again->models.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(again->models[i].declaration == plan->models[i].declaration);
    for (std::size_t j = 0; j < plan->models[i].checks.size(); ++j) {
      CHECK(again->models[i].checks[j].options == plan->models[i].checks[j].options);
      CHECK(again->models[i].checks[j].severity == plan->models[i].checks[j].severity);
    }
  }
}

TEST_CASE("the resolved plan says where each value came from") {
  const TemporaryFolder folder;
  const auto plan = load_text(folder,
                              "version: 1\ntarget: x\nmodels:\n  m:\n    path: a.pth\n    inputs:\n    - "
                              "shape: [1, b]\n      name: 라벨\n    axes: {b: {example: 2}}\n",
                              {.set = {"models.m.device=mps"}});
  REQUIRE(plan);
  const std::string& here = folder.path();
  // every comment stands one column after the longest line and two blanks
  const std::string longest = "    path: " + here + "/a.pth";
  const auto line = [&](std::string text, std::size_t columns, const std::string& origin) {
    text.append(longest.size() - columns, ' ');
    return text + "  # " + origin + "\n";
  };
  const std::string expected =
      "# resolved from " + here + "/runup.yaml\n" + line("version: 1", 10, "runup.yaml:1:1") +
      line("target: x", 9, "runup.yaml:2:1") + line("package: " + here, 9 + here.size(), "default, `.`") +
      "models:\n  m:\n" + line(longest, longest.size(), "runup.yaml:5:5, `a.pth`") +
      line("    device: mps", 15, "--set") + "    inputs:\n" +
      line("      - name: 라벨", 18, "runup.yaml:8:7") + line("        dtype: float32", 22, "default") +
      line("        shape: [1, b]", 21, "runup.yaml:7:7") + "    axes:\n      b:\n" +
      line("        example: 2", 18, "runup.yaml:9:16") + "checks:\n  a-budget:\n" +
      line("    load: 30s", 13, "default") + line("    first: 1s", 13, "default") +
      line("    memory: 1KiB", 16, "default") + line("    processes: 3", 16, "default") +
      line("    enabled: true", 17, "default") + "  inference:\n" +
      line("    required: true", 18, "default") + line("    enabled: true", 17, "default") +
      "  label-encoder:\n" + line("    enabled: true", 17, "default");
  CHECK(render_plan(*plan) == expected);
}

TEST_CASE("a config that cannot be read is one error") {
  const TemporaryFolder folder;
  const auto error_of = [](const std::string& path) {
    return errors_text(load_config({.config = path, .catalogue = test::kCatalogue}));
  };
  CHECK(error_of(folder.path() + "/none.yaml") ==
        "none.yaml: there is no such file; expected a config (`runup run CONFIG`, default `runup.yaml`)\n");
  const std::string name = std::filesystem::path(folder.path()).filename().string();
  CHECK(error_of(folder.path()) ==
        name + ": this is a folder; expected a file such as `" + folder.path() + "/runup.yaml`\n");
  folder.write("large.yaml", std::string(kMaxConfigBytes + 1, '#'));
  CHECK(error_of(folder.path() + "/large.yaml").find("is larger than 1.00 MiB") != std::string::npos);
  REQUIRE(::mkfifo((folder.path() + "/pipe").c_str(), 0600) == 0);
  CHECK_FALSE(error_of(folder.path() + "/pipe").empty());
  folder.write("weights.pth", std::string("PK\x03\x04", 4));
  CHECK(error_of(folder.path() + "/weights.pth") ==
        "weights.pth:1:3: control character 0x03; expected a YAML text file\n");
}

TEST_CASE("one value less or other than in the example never aborts") {
  // Each line of the example is left out, emptied, and replaced by values of other types in turn.
  std::vector<std::string> lines;
  for (std::size_t start = 0; start < kExample.size();) {
    const std::size_t end = kExample.find('\n', start);
    lines.emplace_back(kExample.substr(start, end - start));
    start = end + 1;
  }
  for (std::size_t i = 0; i < lines.size(); ++i) {
    for (const char* value :
         {"", "1", "x", "[]", "{}", "[[1]]", "{a: {b: 1}}", "~", "true", "1e9999", "\"\""}) {
      std::string text;
      for (std::size_t j = 0; j < lines.size(); ++j) {
        text += (j == i ? lines[j].substr(0, lines[j].find(':') + 1) + " " + value : lines[j]) + "\n";
      }
      const TemporaryFolder folder;
      const auto loaded = load_text(folder, text);
      CHECK((loaded || !loaded.error().empty()));
    }
  }
}

}  // namespace
}  // namespace runup
