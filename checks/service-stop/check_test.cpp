// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "service_facts.h"

using namespace runup;
using namespace runup::testing;

namespace {

constexpr std::string_view kId = "service-stop";

StopFacts left_after(StopMoment moment, double patience) {
  return {.moment = moment, .patience = seconds(patience), .left = {"python", "sh"}};
}

PatienceFacts stop_patience(double time) {
  return {.kind = PatienceKind::stop,
          .file = "k8s/deployment.yaml",
          .line = 21,
          .words = "`terminationGracePeriodSeconds`",
          .time = seconds(time)};
}

}  // namespace

TEST_CASE("service-stop: a server that ends at once") {
  const Outcome outcome = run_check(kId, served_facts());
  CHECK(outcome.status == Status::passed);
  CHECK(outcome.findings.empty());
  CHECK(evidence_of(outcome, "stop during a prediction") == "400 ms of 10.0 s (Docker's default)");
  CHECK(evidence_of(outcome, "stop while it loaded") == "200 ms of 10.0 s (Docker's default)");
}

TEST_CASE("service-stop/ignores-sigterm: at both moments") {
  Facts facts = served_facts();
  healthy_of(facts).stops = {left_after(StopMoment::idle, 15)};
  facts.served.value->interrupted.value->stops = {left_after(StopMoment::loading, 15)};
  Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::failed);
  CHECK(finding_ids(outcome) == std::vector<std::string>{"ignores-sigterm", "ignores-sigterm"});
  CHECK(outcome.findings[0].message ==
        "told to stop while it was idle, the server left `python` and `sh` after 15.0 s; expected none after "
        "10.0 s "
        "(Docker's default)");
  CHECK(outcome.findings[1].message.starts_with("told to stop while it loaded"));
  // It was not waited for as long as the platform does.
  outcome = run_check(kId, facts, {{"grace", 30}});
  CHECK(outcome.status == Status::undecided);
  CHECK(outcome.findings.empty());
  CHECK(outcome.reason.contains("were left after 15.0 s, and the platform waits 30.0 s"));
}

TEST_CASE("service-stop/late: the package says how long the platform waits") {
  Facts facts = served_facts();
  healthy_of(facts).stops.front().took = seconds(12);
  CHECK(
      find_finding(run_check(kId, facts), "late").message ==
      "told to stop during a prediction, the server took 12.0 s; expected at most 10.0 s (Docker's default)");
  facts.package.value->patience = {stop_patience(30)};
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::passed);
  CHECK(evidence_of(outcome, "stop during a prediction") ==
        "12.0 s of 30.0 s (`terminationGracePeriodSeconds` in `k8s/deployment.yaml`)");
  facts.package.value->patience.push_back(stop_patience(5));
  const Finding finding = find_finding(run_check(kId, facts), "late");
  CHECK(finding.where.file == "k8s/deployment.yaml");
  CHECK(finding.where.line == 21);
  CHECK(run_check(kId, facts, {{"grace", 20}}).status == Status::passed);
}

TEST_CASE("service-stop/loses-request") {
  Facts facts = served_facts();
  healthy_of(facts).stops.front().answer =
      lost_answer(AskedFor::predict, "/predict", "the connection was closed before a whole answer", 4);
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::passed);
  CHECK(find_finding(outcome, "loses-request")
            .message.contains("`/predict` gave no answer: the connection was closed before a whole answer"));
}

TEST_CASE("service-stop: what was not seen is told") {
  Facts facts = served_facts();
  facts.served.value->interrupted =
      Observed<StartFacts>::none({.kind = AbsenceKind::refused,
                                  .detail = "the server was ready before the signal could be sent",
                                  .log = {}});
  Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::undecided);
  CHECK(
      outcome.reason ==
      "the stop while it loads could not be observed: the server was ready before the signal could be sent");
  healthy_of(facts).stops.clear();
  outcome = run_check(kId, facts);
  CHECK(outcome.reason.starts_with("the stop of the ready server was not observed; the stop while it loads"));
  facts = served_facts();
  facts.served.value->interrupted.value->stops.clear();
  CHECK(run_check(kId, facts).reason == "the stop while it loads was not observed");
  healthy_of(facts).ready.reset();
  CHECK(run_check(kId, facts).reason.starts_with("blocked: "));
  facts.service.reset();
  CHECK(run_check(kId, facts).status == Status::skipped);
}
