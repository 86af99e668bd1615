// SPDX-License-Identifier: Apache-2.0
#include <set>

#include <catch2/catch_test_macros.hpp>

#include "base/codec.h"
#include "canonical_reports.h"
#include "golden.h"

using namespace runup;
using namespace runup::testing;

namespace runup::reports::sarif {
extern const ReporterInfo kReporter;
}

namespace {

Json run_of(const Report& report, const std::string& folder = "/srv/sign-language-service") {
  const auto json =
      parse_json(reports::sarif::kReporter.render(report, {.folder = folder}), std::size_t{16} << 20U);
  REQUIRE(json);
  return (*json)["runs"][0];
}

Json result_of(const Json& run, const std::string& rule) {
  for (const Json& result : run["results"]) {
    if (result["ruleId"] == rule) {
      return result;
    }
  }
  FAIL("no result of " << rule);
  std::abort();
}

}  // namespace

TEST_CASE("golden: sarif of every canonical report") {
  for (const CanonicalReport& canonical : canonical_reports()) {
    DYNAMIC_SECTION(canonical.name) {
      check_golden(golden_path("sarif", canonical, "sarif"),
                   reports::sarif::kReporter.render(canonical.report, {.folder = "/srv"}));
    }
  }
}

TEST_CASE("sarif: findings have their level and place, and undecided is a rule of its own") {
  const Json run = run_of(not_ready_report());
  const Json mismatch = result_of(run, "label-encoder/class-count-mismatch");
  CHECK(mismatch["level"] == "error");
  CHECK(mismatch["message"]["text"].get<std::string>().starts_with(class_count_finding().message));
  CHECK(mismatch["message"]["text"].get<std::string>().contains(class_count_finding().fix));
  const Json& place = mismatch["locations"][0];
  CHECK(place["physicalLocation"]["artifactLocation"]["uri"] == "models/cnn_bilstm_attention_model.pth");
  CHECK(place["logicalLocations"][0]["fullyQualifiedName"] == "label_encoder");
  CHECK(result_of(run, "label-encoder/blank-class")["level"] == "warning");
  const Json note = result_of(run, "label-encoder/encoder-version");
  CHECK(note["level"] == "note");
  CHECK(note["locations"][0]["physicalLocation"]["region"]["startLine"] == 4);
  const Json untold = result_of(run, "inference/undecided");
  CHECK(untold["level"] == "error");
  CHECK(untold["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "runup.yaml");
  CHECK(run["invocations"][0]["exitCode"] == 1);
  CHECK(run["invocations"][0]["executionSuccessful"] == true);
}

TEST_CASE("sarif: every report that is not ready has a result of level error") {
  for (const CanonicalReport& canonical : canonical_reports()) {
    INFO(canonical.name);
    const Json run = run_of(canonical.report);
    bool red = false;
    std::set<std::string> fingerprints;
    for (const Json& result : run["results"]) {
      red = red || (result["level"] == "error" && !result.contains("suppressions"));
      CHECK(run["tool"]["driver"]["rules"][result["ruleIndex"].get<std::size_t>()]["id"] == result["ruleId"]);
      fingerprints.insert(result["partialFingerprints"]["runup/v1"].get<std::string>());
    }
    CHECK(red == (canonical.report.verdict != Verdict::ready));
    CHECK(fingerprints.size() == run["results"].size());
  }
}

TEST_CASE("sarif: names of files are URIs") {
  Report report = not_ready_report();
  report.results[0].outcome.findings[0].where.file = "models/a b%ü.pth";
  CHECK(
      result_of(
          run_of(report),
          "device-mapping/foreign-storage")["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] ==
      "models/a%20b%25%C3%BC.pth");
  CHECK(
      result_of(
          run_of(report, "/tmp"),
          "device-mapping/foreign-storage")["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] ==
      "file:///srv/sign-language-service/models/a%20b%25%C3%BC.pth");
}
