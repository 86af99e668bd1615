// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "facts_builder.h"

using namespace runup;
using namespace runup::testing;

namespace {

constexpr std::string_view kId = "runtime-versions";
using Words = std::vector<std::string>;

void require(Facts& facts, const std::string& name, const std::string& version) {
  PackageFacts& package = *facts.package.value;
  package.requirement_files = {"requirements.txt"};
  const std::string specifiers = version.empty() ? "" : "==" + version;
  package.requirements.requirements.push_back({.name = name,
                                               .written = name + specifiers,
                                               .specifiers = specifiers,
                                               .pinned = version,
                                               .file = "requirements.txt",
                                               .line = package.requirements.requirements.size() + 1});
}

// Requirements as the interpreter has them.
Facts required() {
  Facts facts = predictor_facts_of_sign();
  require(facts, "torch", "2.6.0");
  require(facts, "numpy", "2.1.0");
  require(facts, "scikit-learn", "1.5.2");
  PythonFacts& python = python_of(facts);
  python.installed = {
      {.name = "numpy", .version = "2.1.0", .modules = {"numpy"}},
      {.name = "scikit_learn", .version = "1.5.2", .wants = {"numpy", "scipy"}, .modules = {"sklearn"}},
      {.name = "torch", .version = "2.6.0+cpu", .modules = {"torch"}}};
  for (LabelListFacts& labels : facts.artifact.value->label_lists) {
    labels.sklearn_version = labels.sklearn_version.empty() ? "" : "1.5.1";
  }
  return facts;
}

RequirementFacts& requirement(Facts& facts, std::size_t index) {
  return facts.package.value->requirements.requirements.at(index);
}

}  // namespace

TEST_CASE("runtime-versions: what is required is there and fits") {
  const Outcome outcome = run_check(kId, required());
  CHECK(outcome.status == Status::passed);
  CHECK(finding_ids(outcome).empty());
  CHECK(evidence_of(outcome, "required") == "3 projects in `requirements.txt`");
  CHECK(evidence_of(outcome, "installed as required") == "3 of 3");
  CHECK(evidence_of(outcome, "torch") == "2.6.0");
}

TEST_CASE("runtime-versions/too-old-for-file: of torch and of NumPy") {
  Facts facts = required();
  requirement(facts, 0) = {
      .name = "torch", .specifiers = "==2.2.2", .pinned = "2.2.2", .file = "requirements.txt", .line = 1};
  add_tensor(*facts.artifact.value, "model_state_dict.seen", {4}, "uint16");
  Finding finding = find_finding(run_check(kId, facts), "too-old-for-file");
  CHECK(finding.message ==
        "`model_state_dict.seen` in `models/sign.pth` is uint16, which PyTorch has since 2.3; torch 2.2.2 is "
        "wanted");
  CHECK(finding.where.file == "requirements.txt");
  CHECK(finding.where.line == 1);

  facts = required();
  facts.artifact.value->globals.push_back({.module = "numpy._core.multiarray", .name = "_reconstruct"});
  CHECK(finding_ids(run_check(kId, facts)).empty());
  requirement(facts, 1).pinned = "1.24.4";
  finding = find_finding(run_check(kId, facts), "too-old-for-file");
  CHECK(finding.message.contains("numpy 1.24.4 does not have"));
}

TEST_CASE("runtime-versions/incompatible-pins, other-than-saved-with") {
  Facts facts = required();
  requirement(facts, 0).pinned = "2.2.2";
  CHECK(find_finding(run_check(kId, facts), "incompatible-pins").message.contains("Numpy is not available"));

  facts = required();
  LabelListFacts& labels = facts.artifact.value->label_lists.front();
  labels.sklearn_version = "1.4.2";
  const Finding finding = find_finding(run_check(kId, facts), "other-than-saved-with");
  CHECK(finding.severity == Severity::warning);
  CHECK(finding.message.contains("was saved with scikit-learn 1.4.2; 1.5.2 is wanted"));
  labels.sklearn_version = "1.5.0";
  CHECK(finding_ids(run_check(kId, facts)).empty());
}

TEST_CASE("runtime-versions/not-as-required, not-installed: the interpreter is another environment") {
  Facts facts = required();
  requirement(facts, 0).specifiers = "==2.5.1";
  Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::passed);
  CHECK(find_finding(outcome, "not-as-required").message ==
        "`torch==2.5.1` is required; `/srv/sign/.venv/bin/python` has 2.6.0+cpu");
  require(facts, "einops", "");
  CHECK(find_finding(run_check(kId, facts), "not-installed").message ==
        "`einops` is required; `/srv/sign/.venv/bin/python` does not have it");
  // What is for another platform, or optional, is not wanted here.
  requirement(facts, 3).marker = "sys_platform == \"win32\"";
  CHECK(finding_ids(run_check(kId, facts)) == Words{"not-as-required"});
  requirement(facts, 3) = {.name = "einops", .group = "dev"};
  CHECK(finding_ids(run_check(kId, facts)) == Words{"not-as-required"});
}

TEST_CASE("runtime-versions: a lock file has the last word") {
  Facts facts = required();
  facts.package.value->locked = {{.name = "torch", .version = "2.4.1", .file = "uv.lock", .line = 9}};
  CHECK(find_finding(run_check(kId, facts), "not-as-required").where.file == "uv.lock");
  CHECK(evidence_of(run_check(kId, facts), "torch") == "2.4.1");
}

TEST_CASE("runtime-versions: nothing wanted and nobody asked is skipped; nothing seen is undecided") {
  CHECK(run_check(kId, sign_facts()).status == Status::skipped);
  Facts facts = predictor_facts_of_sign();
  CHECK(run_check(kId, facts).status == Status::passed);
  lose_runtime(facts, {.kind = AbsenceKind::missing, .detail = "no Python interpreter was found"});
  CHECK(run_check(kId, facts).status == Status::undecided);
  facts.package = Observed<PackageFacts>::none({.kind = AbsenceKind::crashed, .detail = "it died"});
  CHECK(run_check(kId, facts).status == Status::undecided);
}

TEST_CASE("runtime-versions: without a factory, what the known interpreter says that ran the file") {
  Facts facts = required();
  facts.model.factory.clear();
  CHECK(evidence_of(run_check(kId, facts), "installed as required") == "3 of 3");

  python_of(facts).guessed = true;
  CHECK(evidence_of(run_check(kId, facts), "installed as required").empty());

  python_of(facts).guessed = false;
  facts.package.value->requirement_files.clear();
  facts.package.value->requirements = {};
  CHECK(run_check(kId, facts).status == Status::skipped);
}

TEST_CASE("runtime-versions/refused-by-default, unknown-argument: the pinned torch, not the installed one") {
  Facts facts = required();
  give_source(facts);
  facts.artifact.value->globals.push_back(
      {.module = "sklearn.preprocessing._label", .name = "LabelEncoder", .key_path = "label_encoder"});
  // The interpreter has the pinned release: what it does is seen in predictor-load.
  CHECK(finding_ids(run_check(kId, facts)).empty());
  python_of(facts).installed.back().version = "2.5.1";
  Finding finding = find_finding(run_check(kId, facts), "refused-by-default");
  CHECK(finding.severity == Severity::error);
  CHECK(finding.message.starts_with(
      "`processing/predictor.py:12` calls `torch.load` without `weights_only`, which is `True` since PyTorch "
      "2.6; torch "
      "2.6.0 is wanted, and refuses `sklearn.preprocessing._label.LabelEncoder`"));
  CHECK(finding.where == Location{.file = "processing/predictor.py", .key = {}, .line = 12});
  // Allowed, or not asked for.
  SourceFacts& source = *facts.source.value;
  source.loads.front().weights_only = "False";
  CHECK_FALSE(std::ranges::contains(finding_ids(run_check(kId, facts)), "refused-by-default"));
  source.loads.front().weights_only = "";
  source.safe_globals = {{.names = {}}};
  for (const GlobalFacts& global : facts.artifact->globals) {
    source.safe_globals.front().names.push_back(global.module + "." + global.name);
  }
  CHECK_FALSE(std::ranges::contains(finding_ids(run_check(kId, facts)), "refused-by-default"));
  // As the sources import it; and a name that was not worked out.
  source.safe_globals.front().names.back() = "sklearn.preprocessing.LabelEncoder";
  CHECK_FALSE(std::ranges::contains(finding_ids(run_check(kId, facts)), "refused-by-default"));
  source.safe_globals.front().names.back() = "other.LabelEncoder";
  CHECK(std::ranges::contains(finding_ids(run_check(kId, facts)), "refused-by-default"));
  source.safe_globals.front().names.back() = "";
  CHECK_FALSE(std::ranges::contains(finding_ids(run_check(kId, facts)), "refused-by-default"));
  // A release from before the argument.
  requirement(facts, 0).specifiers = "==1.12.0";
  requirement(facts, 0).pinned = "1.12.0";
  source.loads.front().weights_only = "True";
  CHECK(find_finding(run_check(kId, facts), "unknown-argument").where.file == "requirements.txt");
}

TEST_CASE("runtime-versions/unsafe-load, two-onnxruntimes") {
  Facts facts = required();
  give_source(facts).loads.front().weights_only = "True";
  requirement(facts, 0).specifiers = "==2.5.1";
  requirement(facts, 0).pinned = "2.5.1";
  CHECK(find_finding(run_check(kId, facts), "unsafe-load").severity == Severity::note);
  require(facts, "onnxruntime", "1.21.0");
  CHECK_FALSE(std::ranges::contains(finding_ids(run_check(kId, facts)), "two-onnxruntimes"));
  require(facts, "onnxruntime-gpu", "1.21.0");
  CHECK(find_finding(run_check(kId, facts), "two-onnxruntimes").where.line == 5);
}

TEST_CASE("runtime-versions/cpu-build, gpu-build-on-cpu") {
  Facts facts = required();
  requirement(facts, 0).torch_build = "cpu";
  CHECK(evidence_of(run_check(kId, facts), "torch's build") == "cpu");
  facts.model.device = "cuda:0";
  CHECK(find_finding(run_check(kId, facts), "cpu-build").where.line == 1);
  requirement(facts, 0).torch_build = "cu124";
  CHECK(finding_ids(run_check(kId, facts)).empty());
  facts.model.device = "cpu";
  CHECK(find_finding(run_check(kId, facts), "gpu-build-on-cpu").severity == Severity::note);
}

TEST_CASE("runtime-versions/wrong-python, other-python") {
  Facts facts = required();
  facts.package.value->requirements.python = ">=3.11";
  CHECK(finding_ids(run_check(kId, facts)).empty());
  facts.package.value->requirements.python = ">=3.12";
  CHECK(find_finding(run_check(kId, facts), "wrong-python").message ==
        "the project supports Python `>=3.12`; `/srv/sign/.venv/bin/python` is 3.11.9");
  facts.package.value->dockerfile =
      DockerfileFacts{.file = "Dockerfile", .built = {.image = "python:3.13-slim", .line = 2}};
  const Outcome outcome = run_check(kId, facts);
  CHECK(finding_ids(outcome) == Words{"other-python"});
  CHECK(find_finding(outcome, "other-python").where == Location{.file = "Dockerfile", .key = {}, .line = 2});
  facts.package.value->dockerfile->built.image = "registry.example/python:3.9";
  CHECK(find_finding(run_check(kId, facts), "wrong-python").message ==
        "the project supports Python `>=3.12`; the image has 3.9");
}
