// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "report/report.h"
#include "report/summary.h"

using namespace runup;

namespace {

CheckResult result(Status status, std::string check = "model-present") {
  CheckResult made{.check = std::move(check), .model = "sign"};
  made.outcome.status = status;
  if (status == Status::failed) {
    made.outcome.findings.push_back({.id = "missing", .severity = Severity::error, .message = "gone"});
  }
  return made;
}

const std::vector<InferenceStanding> kWitnessed{{.model = "sign", .witnessed = true}};
const std::vector<InferenceStanding> kUnseen{{.model = "sign", .witnessed = false}};

Report settled(std::vector<CheckResult> results,
               const std::vector<InferenceStanding>& standings = kWitnessed) {
  Report report{.results = std::move(results)};
  settle_verdict(report, standings);
  return report;
}

}  // namespace

TEST_CASE("ready needs every applying check to pass and a witness") {
  const Report report = settled({result(Status::passed), result(Status::skipped, "parity")});
  CHECK(report.verdict == Verdict::ready);
  CHECK(report.verdict_reason == "1 check passed, 1 skipped");
  CHECK(exit_code(report) == ExitCode::ready);
}

TEST_CASE("not ready wins over undecided, a missing witness and an interruption") {
  Report report{.results = {result(Status::failed), result(Status::undecided, "inference")},
                .interrupted = true};
  settle_verdict(report, kUnseen);
  CHECK(report.verdict == Verdict::not_ready);
  CHECK(report.verdict_reason == "1 of 2 checks failed before the run was interrupted");
  CHECK(exit_code(report) == ExitCode::interrupted);
  report.interrupted = false;
  settle_verdict(report, kUnseen);
  CHECK(exit_code(report) == ExitCode::not_ready);
}

TEST_CASE("what was not looked at is never green") {
  SECTION("no result") {
    const Report report = settled({});
    CHECK(report.verdict == Verdict::undecided);
    CHECK(report.verdict_reason == "no check was run");
    CHECK(exit_code(report) == ExitCode::undecided);
  }
  SECTION("everything skipped") {
    const Report report = settled({result(Status::skipped), result(Status::skipped, "parity")});
    CHECK(report.verdict == Verdict::undecided);
    CHECK(report.verdict_reason == "all 2 checks were skipped");
  }
  SECTION("one check undecided") {
    const Report report = settled({result(Status::passed), result(Status::undecided, "label-encoder")});
    CHECK(report.verdict == Verdict::undecided);
    CHECK(report.verdict_reason == "1 of 2 checks could not be decided");
  }
  SECTION("no witness, and the inference check says why") {
    const Report report = settled({result(Status::passed), result(Status::undecided, "inference")}, kUnseen);
    CHECK(report.verdict == Verdict::undecided);
    CHECK(report.verdict_reason == "no witness ran an inference of `sign`; see `inference`");
  }
  SECTION("no witness, and nothing else says why") {
    const Report report = settled({result(Status::passed)}, kUnseen);
    CHECK(report.verdict == Verdict::undecided);
    CHECK(report.verdict_reason.starts_with(
        "no witness ran an inference of `sign`; run the check `inference`"));
  }
  SECTION("a model without a witness beside one with") {
    const Report report =
        settled({result(Status::passed)}, {{.model = "sign", .witnessed = true}, {.model = "face"}});
    CHECK(report.verdict == Verdict::undecided);
  }
  SECTION("the config accepts it") {
    const Report report =
        settled({result(Status::passed)}, {{.model = "sign", .witnessed = false, .required = false}});
    CHECK(report.verdict == Verdict::ready);
  }
  SECTION("interrupted after passes") {
    Report report{.results = {result(Status::passed)}, .interrupted = true};
    settle_verdict(report, kWitnessed);
    CHECK(report.verdict == Verdict::undecided);
    CHECK(exit_code(report) == ExitCode::interrupted);
  }
  SECTION("set-up error") {
    Report report{.setup_errors = {{.file = "runup.yaml", .line = 3, .column = 1, .message = "unknown key"}}};
    settle_verdict(report, {});
    CHECK(report.verdict == Verdict::undecided);
    CHECK(report.verdict_reason == "nothing was checked: 1 mistake in the set-up");
    CHECK(exit_code(report) == ExitCode::bad_config);
  }
}

TEST_CASE("warnings are named in the reason but do not stop a deployment") {
  CheckResult warned = result(Status::passed);
  warned.outcome.findings.push_back({.id = "old", .severity = Severity::warning, .message = "old format"});
  const Report report = settled({warned, result(Status::passed, "inference")});
  CHECK(report.verdict == Verdict::ready);
  CHECK(report.verdict_reason == "all 2 checks passed, with 1 warning");
}

TEST_CASE("counts and words of a report") {
  CheckResult failed = result(Status::failed);
  failed.outcome.findings.push_back({.id = "b", .severity = Severity::warning});
  failed.outcome.findings.push_back({.id = "c", .severity = Severity::note});
  const ReportCounts counts = count({failed, result(Status::passed), result(Status::undecided)});
  CHECK(statuses_text(counts) == "1 passed, 1 failed, 1 undecided");
  CHECK(findings_text(counts) == "1 error, 1 warning, 1 note");
  CHECK(findings_text(std::vector<Finding>{}).empty());
  CHECK(location_text({.file = "m.pth", .key = "a.b", .line = 3}) == "m.pth, line 3, `a.b`");
  CHECK(location_text({.file = {}, .key = "a.b"}) == "`a.b`");
  CHECK(setup_error_text({.file = "r.yaml", .line = 4, .column = 2, .message = "m"}) == "r.yaml:4:2: m");
  CHECK(setup_error_text({.file = "r.yaml", .message = "m"}) == "r.yaml: m");
  CHECK(setup_error_text({.message = "m"}) == "m");
  CHECK(
      witness_text(
          {.model = "sign", .library = "libtorch", .version = "2.6.0", .device = "cpu", .form = "source"}) ==
      "libtorch 2.6.0 on cpu (source)");
}

TEST_CASE("accepted findings and waivers that are out of date are in the reason") {
  CheckResult accepted = result(Status::passed);
  accepted.outcome.findings.push_back({.id = "missing", .severity = Severity::error, .message = "gone"});
  accepted.outcome.findings.front().accepted = Acceptance{.owner = "ml", .expires = "2026-12-31"};
  Report report{.results = {accepted, result(Status::passed, "inference")}};
  report.waivers.push_back({.waives = "model-present/missing", .state = WaiverState::holds, .findings = 1});
  settle_verdict(report, kWitnessed);
  CHECK(report.verdict == Verdict::ready);
  CHECK(report.verdict_reason == "all 2 checks passed, with 1 accepted finding");

  report.waivers.push_back({.waives = "inference", .state = WaiverState::unused});
  settle_verdict(report, kWitnessed);
  CHECK(report.verdict == Verdict::ready);
  CHECK(report.verdict_reason == "all 2 checks passed, with 1 accepted finding, 1 waiver out of date");

  report.strict = true;
  settle_verdict(report, kWitnessed);
  CHECK(report.verdict == Verdict::not_ready);
  CHECK(report.verdict_reason == "1 waiver is out of date, which `--strict` counts");
}
