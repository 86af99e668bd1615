// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "facts_builder.h"

using namespace runup;
using namespace runup::testing;

namespace {

constexpr std::string_view kId = "path-handling";

OpenedFileFacts opened(const std::string& path, const std::string& absolute, bool exists = true) {
  return {.path = path,
          .absolute = absolute,
          .exists = exists,
          .file = "/srv/sign/processing/predictor.py",
          .line = 21};
}

Facts opening(const OpenedFileFacts& file) {
  Facts facts = predictor_facts_of_sign();
  python_of(facts).opened.push_back(file);
  return facts;
}

}  // namespace

TEST_CASE("path-handling: anchored paths in the package pass") {
  const Outcome outcome = run_check(kId, predictor_facts_of_sign());
  CHECK(outcome.status == Status::passed);
  CHECK(outcome.findings.empty());
  CHECK(evidence_of(outcome, "opened while the predictor is made") == "1 file");
}

TEST_CASE("path-handling/relative-path") {
  Facts facts = opening(opened("labels.json", "/srv/sign/labels.json"));
  const Finding finding = find_finding(run_check(kId, facts), "relative-path");
  CHECK(finding.severity == Severity::error);
  CHECK(finding.message.starts_with(
      "`labels.json` is opened relative to the folder that the server is started in"));
  CHECK(finding.where.file == "processing/predictor.py");
  CHECK(finding.where.line == 21);
  CHECK(finding.evidence.at(0).value == "processing/predictor.py:21");
  // Where a file is written is another matter.
  python_of(facts).opened.back().writing = true;
  CHECK(run_check(kId, facts).findings.empty());
}

TEST_CASE("path-handling/foreign-path, outside-package: another machine's folders") {
  Facts facts = opening(opened("/home/minji/sign.pth", "/home/minji/sign.pth", false));
  CHECK(find_finding(run_check(kId, facts), "foreign-path").severity == Severity::note);
  python_of(facts).exception = ExceptionFacts{.kind = "FileNotFoundError"};
  CHECK(find_finding(run_check(kId, facts), "foreign-path").severity == Severity::error);

  facts = opening(opened("/opt/fonts/a.ttf", "/opt/fonts/a.ttf"));
  CHECK(find_finding(run_check(kId, facts), "outside-package").severity == Severity::warning);
  CHECK(run_check(kId, facts, {{"outside", {"/opt/fonts"}}}).findings.empty());
  CHECK_FALSE(run_check(kId, facts, {{"outside", {"/opt/font"}}}).findings.empty());
  // What the deployment mounts is its own.
  facts.target.mounts = {{.at = "/opt", .from = "/srv/store"}};
  CHECK(run_check(kId, facts).findings.empty());
  facts.target.mounts.clear();
  facts.target.installed_at = "/opt/fonts";
  CHECK(run_check(kId, facts).findings.empty());
}

TEST_CASE("path-handling: what was not seen is undecided") {
  Facts facts = predictor_facts_of_sign();
  python_of(facts).opened.clear();
  // A C++ library opened it, in any folder.
  CHECK(run_check(kId, facts).status == Status::passed);
  CHECK(evidence_of(run_check(kId, facts), "started in `/`") == "loads too");
  python_of(facts).elsewhere.value->stage = FactoryStage::factory;
  CHECK(run_check(kId, facts).status == Status::undecided);
  python_of(facts).exception = ExceptionFacts{.kind = "ValueError"};
  CHECK(run_check(kId, facts).reason.starts_with("blocked: "));
  facts.model.factory.clear();
  CHECK(run_check(kId, facts).status == Status::skipped);
}

namespace {

// No interpreter could be asked; the sources open one more file.
Facts reading(SourcePathFacts path) {
  Facts facts = predictor_facts_of_sign();
  facts.runtimes.front() =
      Observed<RuntimeFacts>::none({.kind = AbsenceKind::missing, .detail = "no Python"});
  facts.target.entrypoint = facts.target.package + "/main.py";
  path.place = {.file = "main.py", .line = 9, .when = path.place.when};
  give_source(facts).paths.push_back(std::move(path));
  return facts;
}

void put(Facts& facts, const std::string& name, FileKind kind) {
  const std::string path = facts.target.package + "/" + name;
  facts.package.value->paths.push_back({.asked_by = "opened:" + path, .path = path, .kind = kind});
}

}  // namespace

TEST_CASE("path-handling: by the sources alone") {
  Facts facts = reading({.call = "open", .anchor = PathAnchor::file, .value = "labels.json"});
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::passed);
  CHECK(evidence_of(outcome, "built from `__file__`") == "2 paths of the sources");
  // Without a `factory:` what the sources load is this model or none of its business.
  facts.model.factory.clear();
  CHECK(run_check(kId, facts).status == Status::passed);
  facts.source.value->paths.front().value = "models/other.pth";
  CHECK(run_check(kId, facts).status == Status::skipped);
  facts.source.value->paths.clear();
  facts.source.value->loads.clear();
  CHECK(run_check(kId, facts).status == Status::skipped);
  facts.model.factory = "processing.predictor:get_predictor";
  CHECK(run_check(kId, facts).status == Status::undecided);
}

TEST_CASE("path-handling/relative-path: in the sources") {
  Facts facts = reading({.call = "open",
                         .anchor = PathAnchor::cwd,
                         .value = "labels.json",
                         .place = {.when = ReachedWhen::startup}});
  // Whether it is ever opened is not known, nor whether it is there.
  CHECK(find_finding(run_check(kId, facts), "relative-path").severity == Severity::warning);
  put(facts, "labels.json", FileKind::regular);
  const Finding finding = find_finding(run_check(kId, facts), "relative-path");
  CHECK(finding.severity == Severity::error);
  CHECK(finding.where == Location{.file = "main.py", .key = {}, .line = 9});
  // The service goes to its own folder first.
  facts.source.value->chdir = {
      {.anchor = PathAnchor::file, .value = ".", .place = {.when = ReachedWhen::import}}};
  CHECK(finding_ids(run_check(kId, facts)).empty());
}

TEST_CASE("path-handling: a file is told once, as it was seen or as the sources have it") {
  Facts facts = opening(opened("labels.json", "/srv/sign/labels.json"));
  give_source(facts).paths.push_back({.call = "open",
                                      .anchor = PathAnchor::cwd,
                                      .value = "labels.json",
                                      .place = {.file = "processing/predictor.py", .line = 21}});
  CHECK(finding_ids(run_check(kId, facts)) == std::vector<std::string>{"relative-path"});
}

TEST_CASE("path-handling/missing-file, foreign-path: in the sources") {
  Facts facts = reading({.call = "torch.load", .anchor = PathAnchor::file, .value = "models/Sign.pth"});
  facts.source.value->loads.push_back({.call = "torch.load", .path = 1});
  put(facts, "models/Sign.pth", FileKind::missing);
  facts.package.value->paths.back().similar = {"models/sign.pth"};
  CHECK(find_finding(run_check(kId, facts), "missing-file").message ==
        "`models/Sign.pth` is loaded, and is not there; the package has `models/sign.pth`");
  facts.source.value->paths.back().anchor = PathAnchor::absolute;
  facts.source.value->paths.back().value = "/home/minji/sign.pth";
  CHECK(find_finding(run_check(kId, facts), "foreign-path").severity == Severity::error);
  facts.source.value->paths.back().value = "C:/models/sign.pth";
  CHECK(find_finding(run_check(kId, facts), "foreign-path")
            .message.starts_with("`C:/models/sign.pth` is opened"));
}

TEST_CASE("path-handling/ignored-by-docker, ignored-by-git: what the service reads beside its model") {
  Facts facts = opening(opened("/srv/sign/labels.json", "/srv/sign/labels.json"));
  put(facts, "labels.json", FileKind::regular);
  CHECK(finding_ids(run_check(kId, facts)).empty());
  PathFacts& path = facts.package.value->paths.back();
  path.docker_ignored = IgnoreMatch{.file = ".dockerignore", .line = 3, .pattern = "*.json"};
  path.git_ignored = IgnoreMatch{.file = ".gitignore", .line = 8, .pattern = "labels.*"};
  const Outcome outcome = run_check(kId, facts);
  CHECK(find_finding(outcome, "ignored-by-docker").message ==
        "`labels.json`, which the service reads, is left out of the image by `*.json` in `.dockerignore`, "
        "line 3");
  CHECK(find_finding(outcome, "ignored-by-git").severity == Severity::warning);
}
