// SPDX-License-Identifier: Apache-2.0
#include "config/override.h"

#include <string>
#include <string_view>

#include <catch2/catch_test_macros.hpp>

#include "config/test_checks.h"

namespace runup {
namespace {

using test::errors_text;
using test::load_text;
using test::TemporaryFolder;

constexpr std::string_view kConfig = R"(version: 1
target: x
models:
  sign:
    path: a.pth
    inputs: [{name: frames, shape: [batch, 3]}]
    axes: {batch: {example: 1}}
  v1.2: {path: b.pth}
)";

test::Loaded load_with(const TemporaryFolder& folder, std::vector<std::string> set) {
  return load_text(folder, kConfig, {.set = std::move(set)});
}

TEST_CASE("option --set changes what the file says and says so") {
  const TemporaryFolder folder;
  const auto plan =
      load_with(folder, {"models.sign.device=cuda:0", "models.sign.inputs[0].name=x",
                         "models.sign.inputs[0].shape[1]=4", "target=other", "checks.a-budget.load=250ms",
                         "checks.label-encoder.severity=note", "models.sign.axes.batch.range=[1, 8]"});
  INFO(errors_text(plan));
  REQUIRE(plan);
  CHECK(plan->target.target == "other");
  REQUIRE(plan->models.size() == 2);
  const ModelDeclaration& sign = plan->models[0].declaration;
  CHECK(sign.device == "cuda:0");
  CHECK(sign.inputs[0].name == "x");
  CHECK(sign.inputs[0].shape[0].axis == "batch");
  CHECK(sign.inputs[0].shape[1].size == 4);
  CHECK(sign.axes.at("batch").range == std::vector<std::int64_t>{1, 8});
  CHECK(plan->origins.at("models.sign.device") == "--set");
  CHECK(plan->origins.at("models.sign.inputs[0].name") == "--set");
  CHECK(plan->origins.at("models.sign.inputs[0].shape") == "runup.yaml:6:29");
  CHECK(plan->origins.at("models.sign.path") == "runup.yaml:5:5");
  const PlannedCheck& labels = plan->models[0].checks[0];
  CHECK(labels.severity == SeverityOverrides{{"*", Severity::note}});
  CHECK(plan->models[0].checks[2].options["load"] == 0.25);
}

TEST_CASE("option --set makes maps, list items and models that are missing") {
  const TemporaryFolder folder;
  const auto plan = load_with(
      folder,
      {"models.new.path=c.pth", "models.sign.labels.from=checkpoint", "models.sign.samples[0].input=s.npy",
       "models.sign.samples[1]={input: t.npy, label: b}", "mounts[0].at=/m", "mounts[0].from=store"});
  INFO(errors_text(plan));
  REQUIRE(plan);
  REQUIRE(plan->models.size() == 3);
  CHECK(plan->models[2].name == "new");
  REQUIRE(plan->models[0].declaration.labels);
  CHECK(plan->models[0].declaration.samples.size() == 2);
  CHECK(plan->models[0].declaration.samples[1].label == "b");
  CHECK(plan->target.mounts[0].from == folder.path() + "/store");
}

TEST_CASE("keys with dots are found as they are, or in quotes") {
  for (const char* argument : {"models.v1.2.device=mps", "models.\"v1.2\".device=mps"}) {
    const TemporaryFolder folder;
    const auto plan = load_with(folder, {argument});
    INFO(errors_text(plan));
    REQUIRE(plan);
    CHECK(plan->models[1].declaration.device == "mps");
    CHECK(plan->origins.at("models.\"v1.2\".device") == "--set");
  }
}

TEST_CASE("the last --set of a key counts, and text needs no quotes") {
  const TemporaryFolder folder;
  const auto plan = load_with(
      folder, {"target=a", "target=2024", "models.sign.factory=", "models.sign.path=models/모델 1.pth",
               "service.command=uvicorn main:app --host {host}"});
  INFO(errors_text(plan));
  REQUIRE(plan);
  CHECK(plan->target.target == "2024");
  CHECK(plan->models[0].declaration.factory.empty());
  CHECK(plan->models[0].declaration.path == folder.path() + "/models/모델 1.pth");
  CHECK(plan->resolved["service"]["command"] == "uvicorn main:app --host {host}");
}

TEST_CASE("a bad --set is named by its argument") {
  struct Row {
    const char* argument;
    const char* message;
  };
  constexpr Row kRows[] = {
      {"models.sign.devise=cuda", "unknown key `devise`; did you mean `device`?"},
      {"modles.sign.device=cuda", "unknown key `modles`; did you mean `models`?"},
      {"models.sing.device=cuda",
       "`models.sing` has no key `path` (the model file, relative to the entry point's folder); `models` has "
       "no `sing` so far; did you mean `sign`?"},
      {"models.sign.inputs[0].dtype=flot32", "`dtype` is `flot32`; did you mean `float32`?"},
      {"models.sign.inputs[5].name=x",
       "`models.sign.inputs` has 1 item; expected an index of at most 1, which adds one"},
      {"models.sign.inputs[x].name=x", "`[x].name` is no list index; expected one such as `[0]`"},
      {"models.sign.inputs[0]name=x", "`[0]name` is no list index; expected one such as `[0]`"},
      {"models.sign.inputs[-1].name=x", "`[-1].name` is no list index; expected one such as `[0]`"},
      {"models.sign.inputs[99999999999999999999].name=x",
       "`[99999999999999999999].name` is no list index; expected one such as `[0]`"},
      {"models.sign.inputs.name=x", "`models.sign.inputs` is a list, which has no key `name`"},
      {"models.sign.path.x=1", "`models.sign.path` is the text `a.pth`, which has no key `x`"},
      {"models[0]=x", "`models` is a map, which has no `[0]`"},
      {"foo", "expected KEY=VALUE such as `models.sign.device=cuda:0`"},
      {"=x", "expected KEY=VALUE such as `models.sign.device=cuda:0`"},
      {"", "expected KEY=VALUE such as `models.sign.device=cuda:0`"},
      {"models.=x", "the key ends with a dot; expected a key such as `models.sign.device`"},
      {"models..x=1", "`.x` is no key; expected one such as `models.sign.device`"},
      {".=1", "`.` is no key; expected one such as `models.sign.device`"},
      {"models.\"a.b=1", "`\"a.b` is no key; expected one such as `models.sign.device`"},
      {"target=", "`target` is empty; expected text"},
      {"target=[a]", "`target` is a list; expected text"},
      {"target={a", "a map cannot be a key; close `{` with `}`, or quote it to mean text"},
      {"target=a b", "`target` is `a b`; expected a letter or digit, then letters, digits, `.`, `_` or `-`"},
      {"package=*x", "the alias `*x` has no anchor `&x` before it"},
      {"checks.a-budget.load=5", "`load` is `5` without a unit; expected a duration such as `5s` or `5ms`"},
      {"checks.a-budget.processes=21", "`processes` is 21; expected 1 to 20"},
      {"models.sign.axes.batch.example=0", "`example` is 0; expected at least 1"},
      {"models.sign.inputs[0].shape[0]=bacth", "the axis `bacth` is not in `axes`; did you mean `batch`?"},
      {"version=1.5", "`version` is the number `1.5`; expected an integer"},
      {"models={}", "`models` is empty; expected at least 1"},
  };
  for (const Row& row : kRows) {
    const TemporaryFolder folder;
    const auto loaded = load_with(folder, {row.argument});
    INFO(row.argument);
    CHECK(errors_text(loaded) == std::string("--set ") + row.argument + ": " + row.message + "\n");
    REQUIRE_FALSE(loaded);
    CHECK(exit_code(loaded.error()) == ExitCode::bad_command_line);
  }
}

TEST_CASE("endless keys are refused") {
  const TemporaryFolder folder;
  std::string deep = "models";
  std::string indexes = "models.sign.samples";
  for (int i = 0; i < 100'000; ++i) {
    deep += ".a";
    indexes += "[0]";
  }
  CHECK(errors_text(load_with(folder, {deep + "=1"})).find("the key has more than 64 parts") !=
        std::string::npos);
  CHECK(errors_text(load_with(folder, {indexes + "=1"})).find("the key has more than 64 parts") !=
        std::string::npos);
}

TEST_CASE("errors of the file and of the command line come together, the file's first") {
  const TemporaryFolder folder;
  const auto loaded = load_text(folder, "version: 1\ntarget: x\nmodels: {m: {path: 5}}\n",
                                {.set = {"models.m.path.x=1", "models.m.device=gpu", "targte=y"}, .jobs = 0});
  CHECK(errors_text(loaded) ==
        "runup.yaml:3:20: `path` is the integer `5`; expected text (write `\"5\"`)\n"
        "--jobs 0: expected 1 to 256\n"
        "--set models.m.path.x=1: `models.m.path` is the integer `5`, which has no key `x`\n"
        "--set targte=y: unknown key `targte`; did you mean `target`?\n"
        "--set models.m.device=gpu: `device` is `gpu`; did you mean `cuda`?\n");
  CHECK(exit_code(loaded.error()) == ExitCode::bad_config);
}

}  // namespace
}  // namespace runup
