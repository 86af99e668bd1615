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
