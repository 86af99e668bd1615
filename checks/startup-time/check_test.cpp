// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "service_facts.h"

using namespace runup;
using namespace runup::testing;

namespace {

constexpr std::string_view kId = "startup-time";

PatienceFacts start_patience(double time) {
  return {.kind = PatienceKind::start,
          .file = "k8s/deployment.yaml",
          .line = 21,
          .words = "`startupProbe` of `web`: 5 s + 1 x 10 s",
          .time = seconds(time)};
}

}  // namespace

TEST_CASE("startup-time: what was measured") {
  Facts facts = served_facts();
  facts.package.value->patience = {start_patience(15)};
  const Outcome outcome = run_check(kId, facts, {{"ready", 5}, {"first", 5}});
  CHECK(outcome.status == Status::passed);
  CHECK(outcome.findings.empty());
  CHECK(evidence_of(outcome, "listening") == "1.20 s");
  CHECK(evidence_of(outcome, "ready") == "1.30 s of 5.00 s");
  CHECK(evidence_of(outcome, "the first prediction's end") == "1.45 s of 5.00 s");
  CHECK(evidence_of(outcome, "the platform waits") ==
        "15.0 s (`startupProbe` of `web`: 5 s + 1 x 10 s in `k8s/deployment.yaml`)");
  CHECK(evidence_of(outcome, "first prediction") == "took 50.0 ms");
  CHECK(evidence_of(outcome, "memory") == "240 MiB in 1 process");
  CHECK(evidence_of(outcome, "load time in the log") == "model loaded in 0.35 s");
}

TEST_CASE("startup-time/over-budget: clearly, or not to be told") {
  Facts facts = served_facts();
  CHECK(only_finding(run_check(kId, facts, {{"ready", 1}}), "over-budget").message ==
        "ready was after 1.30 s; its budget is 1.00 s");
  CHECK(only_finding(run_check(kId, facts, {{"first", 1}}), "over-budget").where.key ==
        "checks.startup-time.first");
  for (const double near : {1.2, 1.5}) {
    const Outcome outcome = run_check(kId, facts, {{"ready", near}});
    CHECK(outcome.status == Status::undecided);
    CHECK(outcome.findings.empty());
    CHECK(outcome.reason.contains("too near to the budget"));
  }
  healthy_of(facts).predicted.reset();
  CHECK(run_check(kId, facts, {{"first", 1}}).status == Status::undecided);
}

TEST_CASE("startup-time/exceeds-patience: the shortest time of the package's files") {
  Facts facts = served_facts();
  healthy_of(facts).ready = seconds(12);
  facts.package.value->patience = {start_patience(60), start_patience(10)};
  const Finding finding = only_finding(run_check(kId, facts), "exceeds-patience");
  CHECK(finding.message ==
        "the server was ready after 12.0 s, and the platform waits 10.0 s (`startupProbe` of `web`: 5 s + 1 "
        "x 10 s): it is "
        "restarted before it is ready, for ever");
  CHECK(finding.fix.contains("at least 24.0 s"));
  CHECK(finding.where.file == "k8s/deployment.yaml");
  REQUIRE(finding.evidence.size() == 1);
  CHECK(finding.evidence.front().value.starts_with("60.0 s"));
}

TEST_CASE("startup-time/near-patience: with the factor of the options") {
  Facts facts = served_facts();
  healthy_of(facts).ready = seconds(12);
  facts.package.value->patience = {start_patience(20)};
  CHECK(only_finding(run_check(kId, facts), "near-patience", Status::passed)
            .message.contains("expected at least 2 times the measured time"));
  CHECK(run_check(kId, facts, {{"factor", 1.5}}).findings.empty());
  // Other kinds of patience are not for the start.
  facts.package.value->patience.front().kind = PatienceKind::answer;
  CHECK(run_check(kId, facts).findings.empty());
}

TEST_CASE("startup-time/request-exceeds-patience: a worker that loads in its first request is killed") {
  Facts facts = served_facts();
  answer_of(healthy_of(facts), AskedFor::predict).took = seconds(0.9);
  PatienceFacts patience = start_patience(0.5);
  patience.kind = PatienceKind::request;
  patience.words = "gunicorn's `--timeout 1`";
  facts.package.value->patience = {patience};
  CHECK(only_finding(run_check(kId, facts), "request-exceeds-patience").message ==
        "the first prediction took 900 ms, and its worker is killed after 500 ms (gunicorn's `--timeout 1`)");
  facts.package.value->patience.front().time = seconds(1);
  CHECK(run_check(kId, facts).findings.empty());
}

TEST_CASE("startup-time/slow-first-request: lazily loaded, or warmed up by a user") {
  Facts facts = served_facts();
  StartFacts& start = healthy_of(facts);
  answer_of(start, AskedFor::predict).took = seconds(3);
  CHECK(only_finding(run_check(kId, facts), "slow-first-request", Status::passed).message ==
        "the first prediction took 3.00 s, after 1.30 s until the server was ready; expected the waiting "
        "before it is ready");
  // Short beside the start, but the model was opened only then.
  start.ready = seconds(20);
  CHECK(run_check(kId, facts).findings.empty());
  start.opened.front().at = seconds(21);
  CHECK(find_finding(run_check(kId, facts), "slow-first-request")
            .message.contains("`models/sign.pth` was opened only then"));
  // All predictions of this model are slow.
  start.answers.push_back(json_answer(AskedFor::predict, "/predict", 200, "{}", 30, 2.5));
  CHECK(run_check(kId, facts).findings.empty());
}

TEST_CASE("startup-time/loaded-per-worker") {
  Facts facts = served_facts();
  healthy_of(facts).processes = 5;
  CHECK(run_check(kId, facts).findings.empty());
  healthy_of(facts).opened.front().count = 4;
  CHECK(only_finding(run_check(kId, facts), "loaded-per-worker", Status::passed).message ==
        "`models/sign.pth` was opened 4 times by 5 processes, which have 240 MiB together: each worker has a "
        "model of its own");
}

TEST_CASE("startup-time/load-time-untold: which lines say it") {
  Facts facts = served_facts();
  const auto untold = [&](std::string log) {
    healthy_of(facts).log = std::move(log);
    return finding_ids(run_check(kId, facts)) == std::vector<std::string>{"load-time-untold"};
  };
  for (const char* line :
       {"", "INFO:     Started server process [12]", "Loading 3 samples", "model v12s ready",
        "request took 3 ms", "INFO:     127.0.0.1 - \"GET /load HTTP/1.1\" 200 in 3 ms",
        "12:30:45 loading the model"}) {
    INFO(line);
    CHECK(untold(line));
  }
  for (const char* line :
       {"Loaded in 1.85 s", "warm-up took 300ms", "load_seconds=1.2", "{\"model_load_ms\": 300}",
        "Model ready (2.5 seconds)", "모델 로드 완료: 1.2초"}) {
    INFO(line);
    CHECK_FALSE(untold(line));
  }
}

TEST_CASE("startup-time: nothing to measure") {
  Facts facts = served_facts();
  facts.package =
      Observed<PackageFacts>::none({.kind = AbsenceKind::crashed, .detail = "the probe crashed", .log = {}});
  CHECK(run_check(kId, facts).reason ==
        "how long the platform waits could not be observed: the probe crashed");
  healthy_of(facts).ready.reset();
  CHECK(run_check(kId, facts).reason ==
        "blocked: the undamaged service does not become ready; see `service-health`");
  facts.service.reset();
  CHECK(run_check(kId, facts).status == Status::skipped);
}
