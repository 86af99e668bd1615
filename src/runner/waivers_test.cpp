// SPDX-License-Identifier: Apache-2.0
#include "runner/waivers.h"

#include <catch2/catch_test_macros.hpp>

namespace runup {
namespace {

constexpr std::chrono::sys_days kToday{std::chrono::year(2026) / 11 / 27};

WaiverDeclaration waiver(std::string waives, std::string expires, std::string model = "") {
  return {.waives = std::move(waives),
          .model = std::move(model),
          .reason = "known",
          .owner = "release",
          .expires = std::move(expires)};
}

CheckResult result(std::string check, Status status, std::vector<std::string> findings = {},
                   std::string reason = "", std::string model = "sign") {
  CheckResult made{.check = std::move(check), .model = std::move(model)};
  made.outcome.status = status;
  made.outcome.reason = std::move(reason);
  for (std::string& id : findings) {
    made.outcome.findings.push_back({.id = std::move(id), .severity = Severity::error});
  }
  return made;
}

WaiverReport report_of(const WaiverDeclaration& declared, const std::vector<CheckResult>& results) {
  const Plan plan{.waivers = {declared}, .waiver_lines = {7}};
  return waiver_reports(plan, results, kToday).front();
}

TEST_CASE("waivers: the last day counts, the next no longer") {
  const Plan plan{.waivers = {waiver("labels/a", "2026-11-27"), waiver("labels/b", "2026-11-26"),
                              waiver("labels/c", "no day")}};
  const Acceptances today = acceptances_of(plan, "labels", "sign", kToday);
  CHECK(today.size() == 1);
  CHECK(today.contains("a"));
}

TEST_CASE("waivers: for one check, one model, the first of several") {
  Plan plan{.waivers = {waiver("labels", "2027-01-01", "sign"), waiver("labels/a", "2027-01-01", "face"),
                        waiver("labels", "2028-01-01")}};
  CHECK(acceptances_of(plan, "labels", "sign", kToday).at("*").expires == "2027-01-01");
  CHECK(acceptances_of(plan, "labels", "face", kToday).size() == 2);
  CHECK(acceptances_of(plan, "label", "sign", kToday).empty());
}

TEST_CASE("waivers: what becomes of them") {
  const auto declared = waiver("labels/a", "2026-12-31");
  const WaiverReport holds = report_of(
      declared, {result("labels", Status::passed, {"a", "b", "a"}), result("other", Status::failed, {"a"})});
  CHECK(holds.state == WaiverState::holds);
  CHECK(holds.findings == 2);
  CHECK(holds.days_left == 34);
  CHECK(holds.line == 7);

  CHECK(report_of(declared, {result("labels", Status::passed, {"b"})}).state == WaiverState::unused);
  CHECK(report_of(declared, {result("labels", Status::failed, {"b"})}).state == WaiverState::unused);

  const WaiverReport expired =
      report_of(waiver("labels/a", "2026-11-20"), {result("labels", Status::failed, {"a"})});
  CHECK(expired.state == WaiverState::expired);
  CHECK(expired.findings == 1);
  CHECK(expired.days_left == -7);
}

TEST_CASE("waivers: without a whole judgement nothing is said of one") {
  const auto declared = waiver("labels/a", "2026-12-31");
  const auto state = [&](const std::vector<CheckResult>& results) {
    return report_of(declared, results).state;
  };
  CHECK(state({}) == WaiverState::not_judged);
  CHECK(state({result("labels", Status::skipped)}) == WaiverState::not_judged);
  CHECK(state({result("labels", Status::undecided, {}, "no file")}) == WaiverState::not_judged);
  CHECK(state({result("labels", Status::failed, {"b"}, "and besides it could not look")}) ==
        WaiverState::not_judged);
  CHECK(state({result("labels", Status::passed),
               result("labels", Status::undecided, {}, "no file", "face")}) == WaiverState::not_judged);
}

}  // namespace
}  // namespace runup
