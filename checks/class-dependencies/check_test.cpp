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
