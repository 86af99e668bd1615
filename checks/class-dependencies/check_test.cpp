// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "facts_builder.h"

using namespace runup;
using namespace runup::testing;

namespace {

constexpr std::string_view kId = "class-dependencies";

// The model file needs one more global, which was not found; the predictor could not be made.
Facts lacking(const std::string& module, const std::string& name, bool has_module, const std::string& error) {
  Facts facts = predictor_facts_of_sign();
  facts.artifact.value->globals.push_back(
      {.module = module, .name = name, .member = "data.pkl", .key_path = "model", .uses = 1});
  PythonFacts& python = python_of(facts);
  python.stage = FactoryStage::factory;
  python.globals.push_back({.module = module, .name = name, .error = error, .has_module = has_module});
  return facts;
}

}  // namespace

TEST_CASE("class-dependencies: all is found, and it is said what is the package's own") {
  Facts facts = predictor_facts_of_sign();
  python_of(facts).globals.push_back({.module = "processing.network",
                                      .name = "Net",
                                      .found = true,
                                      .file = "/srv/sign/processing/network.py",
                                      .has_module = true});
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::passed);
  CHECK(outcome.findings.empty());
  CHECK(evidence_of(outcome, "of the package") == "`processing.network.Net`");
  CHECK(evidence_of(outcome, "pickled globals").ends_with("found in Python 3.11.9"));
}

TEST_CASE("class-dependencies/module-missing") {
  Facts facts = lacking("sklearn.preprocessing._label", "LabelEncoder", false,
                        "ModuleNotFoundError: No module named 'sklearn'");
  Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::failed);
  const Finding finding = find_finding(outcome, "module-missing");
  CHECK(finding.message ==
        "`models/sign.pth` was pickled with `sklearn.preprocessing._label.LabelEncoder`, whose module the "
        "service's "
        "interpreter cannot import");
  CHECK(finding.where.key == "model");
  CHECK(finding.fix.contains("install what has `sklearn` and"));
  CHECK(finding.evidence.at(0).value == "ModuleNotFoundError: No module named 'sklearn'");
  // The service copes: it loads something else, or maps the name.
  python_of(facts).stage = FactoryStage::done;
  outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::passed);
  CHECK(find_finding(outcome, "module-missing").severity == Severity::note);
}

TEST_CASE("class-dependencies/class-missing, main-class-missing") {
  CHECK(find_finding(run_check(kId, lacking("net", "Net", true,
                                            "AttributeError: module 'net' has no attribute 'Net'")),
                     "class-missing")
            .message == "`models/sign.pth` was pickled with `net.Net`, which `net` does not have");
  const Finding main = find_finding(
      run_check(kId,
                lacking("__main__", "Net", true, "AttributeError: module '__main__' has no attribute 'Net'")),
      "main-class-missing");
  CHECK(main.message.contains("`__main__.Net`"));
  CHECK(main.fix.ends_with("`sys.modules[\"__main__\"].Net = Net`"));
}

TEST_CASE("class-dependencies: no globals need nothing; without an interpreter it is undecided") {
  Facts facts = predictor_facts_of_sign();
  facts.artifact.value->globals.clear();
  CHECK(run_check(kId, facts).status == Status::passed);
  facts = predictor_facts_of_sign();
  python_of(facts).elsewhere =
      Observed<ElsewhereFacts>::none({.kind = AbsenceKind::crashed, .detail = "it died"});
  CHECK(run_check(kId, facts).status == Status::undecided);
  lose_runtime(facts, {.kind = AbsenceKind::missing, .detail = "no Python interpreter was found"});
  CHECK(run_check(kId, facts).status == Status::undecided);
  facts.model.factory.clear();
  CHECK(run_check(kId, facts).status == Status::skipped);
  facts.artifact = Observed<ArtifactFacts>::none({.kind = AbsenceKind::crashed, .detail = "it died"});
  CHECK(run_check(kId, facts).status == Status::undecided);
}

TEST_CASE("class-dependencies/undeclared: classes of what nobody requires") {
  Facts facts = predictor_facts_of_sign();
  facts.artifact.value->globals.push_back(
      {.module = "sklearn.preprocessing._label", .name = "LabelEncoder", .key_path = "label_encoder"});
  PythonFacts& python = python_of(facts);
  python.installed = {{.name = "scikit_learn", .version = "1.5.2", .modules = {"sklearn"}},
                      {.name = "torch", .version = "2.6.0", .modules = {"torch"}}};
  // Without a requirements file nothing is told.
  CHECK(run_check(kId, facts).findings.empty());
  PackageFacts& package = *facts.package.value;
  package.requirement_files = {"requirements.txt"};
  package.requirements.requirements = {{.name = "torch"}};
  const Finding finding = find_finding(run_check(kId, facts), "undeclared");
  CHECK(finding.severity == Severity::error);
  CHECK(finding.message ==
        "`models/sign.pth` was pickled with `sklearn.preprocessing._label.LabelEncoder` of scikit_learn, "
        "which no "
        "requirement brings");
  CHECK(finding.fix.starts_with("name `scikit_learn` in `requirements.txt`"));
  // Another one brings it; or it is required by a name that is spelt in another way.
  python.installed.push_back({.name = "tools", .version = "1.0", .wants = {"Scikit.Learn"}});
  package.requirements.requirements.push_back({.name = "tools"});
  CHECK(run_check(kId, facts).findings.empty());
}

namespace {

// A whole model of `__main__` was pickled, and no interpreter could be asked.
Facts main_class() {
  Facts facts = predictor_facts_of_sign();
  facts.artifact.value->globals.push_back(
      {.module = "__main__", .name = "Net", .member = "data.pkl", .key_path = "model", .uses = 1});
  facts.runtimes.front() =
      Observed<RuntimeFacts>::none({.kind = AbsenceKind::missing, .detail = "no Python"});
  facts.target.entrypoint = facts.target.package + "/main.py";
  give_source(facts);
  return facts;
}

void start_with(Facts& facts, std::vector<std::string> words) {
  facts.package.value->dockerfile =
      DockerfileFacts{.file = "Dockerfile",
                      .built = {.command = CommandFacts{.exec = true, .words = std::move(words), .line = 7}}};
}

}  // namespace

TEST_CASE("class-dependencies: a class of `__main__` on each way of starting the server") {
  Facts facts = main_class();
  // main.py has it: `python main.py` finds it, and nobody else does.
  Finding finding = find_finding(run_check(kId, facts), "main-class-missing");
  CHECK(finding.severity == Severity::error);
  CHECK(finding.message.contains("started as `python main.py` alone; started by `uvicorn` or `gunicorn`"));
  start_with(facts, {"uvicorn", "main:app"});
  finding = find_finding(run_check(kId, facts), "main-class-missing");
  CHECK(finding.message.contains("started by `uvicorn main:app`"));
  CHECK(finding.where == Location{.file = "Dockerfile", .key = {}, .line = 7});
  start_with(facts, {"python", "-u", "main.py"});
  Outcome outcome = run_check(kId, facts);
  CHECK(finding_ids(outcome).empty());
  CHECK(evidence_of(outcome, "classes of `__main__`") ==
        "`Net` in `main.py`, which `python -u main.py` makes `__main__`");
  facts.source.value->modules.front().names = {"app"};
  CHECK(find_finding(run_check(kId, facts), "main-class-missing")
            .message.contains("the script that saved it alone"));
}

TEST_CASE("class-dependencies: what is put into `__main__`, and when") {
  Facts facts = main_class();
  SourceFacts& source = *facts.source.value;
  source.injected = {{.module = "__main__",
                      .name = "Net",
                      .value = "main.Net",
                      .before_load = true,
                      .place = {.file = "main.py", .line = 5, .when = ReachedWhen::import}}};
  CHECK(finding_ids(run_check(kId, facts)).empty());
  source.injected.front().before_load = false;
  Finding finding = find_finding(run_check(kId, facts), "main-class-missing");
  CHECK(finding.message.contains("after it loads the file"));
  CHECK(finding.where == Location{.file = "main.py", .key = {}, .line = 5});
  // Below `if __name__ == "__main__"` it comes for `python main.py` alone.
  source.injected.front().before_load = true;
  source.injected.front().place.when = ReachedWhen::main;
  CHECK(find_finding(run_check(kId, facts), "main-class-missing").severity == Severity::error);
  start_with(facts, {"/usr/bin/python3.11", "main.py"});
  CHECK(finding_ids(run_check(kId, facts)).empty());
  // An unpickler of the service's own finds classes by itself.
  start_with(facts, {"uvicorn", "main:app"});
  source.loads.front().find_class = true;
  CHECK(finding_ids(run_check(kId, facts)).empty());
}

TEST_CASE(
    "class-dependencies: classes of `__main__` where the sources are not whole, or an interpreter found "
    "them") {
  Facts facts = main_class();
  facts.source.value->modules.front().error = "SyntaxError: invalid syntax (line 3)";
  Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::undecided);
  CHECK(finding_ids(outcome).empty());
  facts.source.value->modules.front().error.clear();
  facts.source.value->cut = {"more than 2000 modules"};
  CHECK(run_check(kId, facts).status == Status::undecided);
  // The interpreter found the class, by whatever the sources did not show.
  facts = lacking("__main__", "Net", true, "");
  python_of(facts).globals.back().found = true;
  CHECK(finding_ids(run_check(kId, facts)).empty());
}

TEST_CASE("class-dependencies: by the sources alone, a class that its module does not have") {
  Facts facts = main_class();
  facts.artifact.value->globals.back().module = "processing.predictor";
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::failed);
  CHECK(find_finding(outcome, "class-missing").message ==
        "`models/sign.pth` was pickled with `processing.predictor.Net`, which `processing/predictor.py` does "
        "not have");
  facts.source.value->modules.back().names = {"Net"};
  CHECK(run_check(kId, facts).status == Status::undecided);
}
