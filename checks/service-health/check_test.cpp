// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "service_facts.h"

using namespace runup;
using namespace runup::testing;

namespace {

constexpr std::string_view kId = "service-health";

// A start that never became ready, and says only `log`.
StartFacts& unready(Facts& facts, std::string log) {
  StartFacts& start = healthy_of(facts);
  start.listening = start.ready = start.predicted = std::nullopt;
  start.answers.clear();
  start.busy.reset();
  start.opened.clear();
  start.stops.clear();
  start.log = std::move(log);
  return start;
}

}  // namespace

TEST_CASE("service-health: a server that tells the truth") {
  const Outcome outcome = run_check(kId, served_facts());
  CHECK(outcome.status == Status::passed);
  CHECK(outcome.findings.empty());
  CHECK(evidence_of(outcome, "command") == "`uvicorn main:app --host 127.0.0.1 --port 8000`");
  CHECK(evidence_of(outcome, "ready after") == "1.30 s");
  CHECK(evidence_of(outcome, "readiness") == R"(`/health` answered 200 `{"ok":true,"model_loaded":true}`)");
  CHECK(evidence_of(outcome, "prediction") ==
        R"(`/predict` answered 200 `{"label":"안녕하세요","score":0.97}`)");
  CHECK(evidence_of(outcome, "routes asked") == "`/labels`");
  CHECK(evidence_of(outcome, "files opened") == "`models/sign.pth`");
  CHECK(evidence_of(outcome, "readiness while predictions ran") ==
        "at most 30.0 ms, 0 of 20 without a 2xx answer, beside 4 predictions at a time (at most 200 ms)");
}

TEST_CASE("service-health: no service, and none that could be observed") {
  Facts facts = served_facts();
  facts.service.reset();
  CHECK(run_check(kId, facts).status == Status::skipped);
  facts = served_facts();
  facts.served =
      Observed<ServiceFacts>::none({.kind = AbsenceKind::crashed, .detail = "the probe crashed", .log = {}});
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::undecided);
  CHECK(outcome.reason == "the started service could not be observed: the probe crashed");
}

TEST_CASE("service-health/not-started: with the line that says why") {
  Facts facts = served_facts();
  unready(facts,
          "Traceback (most recent call last):\n  File \"/srv/sign/main.py\", line 3, in <module>\n"
          "ModuleNotFoundError: No module named 'sklearn'\n")
      .ended = ServiceEndFacts{.status = 1, .at = seconds(0.9)};
  const Finding finding = find_finding(run_check(kId, facts), "not-started");
  CHECK(finding.message ==
        "`uvicorn main:app --host 127.0.0.1 --port 8000` ended by itself after 900 ms with exit status 1, "
        "before it was "
        "ready: ModuleNotFoundError: No module named 'sklearn'");
  REQUIRE(finding.evidence.size() == 1);
  CHECK(finding.evidence.front().name == "log");
  // Without such a line, the end of the log.
  healthy_of(facts).log = "starting\nbye\n";
  CHECK(find_finding(run_check(kId, facts), "not-started").evidence.front().value == "bye");
}

TEST_CASE("service-health/never-listens") {
  Facts facts = served_facts();
  unready(facts, "Running on http://127.0.0.1:5000\n");
  const Finding finding = only_finding(run_check(kId, facts), "never-listens");
  CHECK(finding.message.contains("accepted no connection in 60.0 s"));
  CHECK(finding.fix.contains("--port {port}"));
}

TEST_CASE("service-health: what runup does not give is no failure of the model") {
  Facts facts = served_facts();
  unready(facts,
          "redis.exceptions.ConnectionError: Error 111 connecting to redis:6379. Connection refused.\n")
      .ended = ServiceEndFacts{.status = 3, .at = seconds(1)};
  Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::undecided);
  CHECK(outcome.findings.empty());
  CHECK(outcome.reason.contains("stubs: [tcp:6379]"));
  unready(facts, "OSError: [Errno 30] Read-only file system: '/srv/sign/logs/a.log'\n");
  outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::undecided);
  CHECK(outcome.reason.contains("`writable:`"));
  // A prediction or a route that needs it.
  facts = served_facts();
  answer_with(healthy_of(facts), AskedFor::predict, 500, "Internal Server Error");
  answer_with(healthy_of(facts), AskedFor::route, 500, "Internal Server Error");
  healthy_of(facts).log += "ConnectionRefusedError: [Errno 111] Connect call failed ('127.0.0.1', 5432)\n";
  outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::undecided);
  CHECK(outcome.findings.empty());
  CHECK(outcome.reason.contains("`/labels` answered 500"));
}

TEST_CASE("service-health/not-ready, and denies-working where the prediction works") {
  Facts facts = served_facts();
  StartFacts& start = healthy_of(facts);
  start.ready = std::nullopt;
  answer_with(start, AskedFor::readiness, 404, R"({"detail":"Not Found"})");
  Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::failed);
  CHECK(finding_ids(outcome) == std::vector<std::string>{"not-ready", "denies-working"});
  CHECK(find_finding(outcome, "not-ready").message ==
        R"(`/health` answered 404 `{"detail":"Not Found"}`; expected 2xx within 60.0 s)");
  CHECK(find_finding(outcome, "not-ready").fix.contains("service: readiness:"));
  // Once it was ready.
  facts = served_facts();
  answer_of(healthy_of(facts), AskedFor::readiness).status = 503;
  outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::passed);
  CHECK(finding_ids(outcome) == std::vector<std::string>{"denies-working"});
  // No path is known at all.
  facts = served_facts();
  unready(facts, "").listening = seconds(1);
  CHECK(find_finding(run_check(kId, facts), "not-ready").message == "no path answered 2xx in 60.0 s");
}

TEST_CASE("service-health/ends-by-itself") {
  Facts facts = served_facts();
  healthy_of(facts).ended = ServiceEndFacts{.signal = 11, .at = seconds(5)};
  CHECK(only_finding(run_check(kId, facts), "ends-by-itself").message ==
        "the server was ready after 1.30 s and ended by itself after 5.00 s with signal 11");
}

TEST_CASE("service-health/body-contradicts") {
  Facts facts = served_facts();
  answer_with(healthy_of(facts), AskedFor::readiness, 200, R"({"ok":false})");
  CHECK(only_finding(run_check(kId, facts), "body-contradicts").message ==
        "`/health` answered 200 `{\"ok\":false}`: the status says that it is ready, and the body that it is "
        "not (`ok` is "
        "`false`)");
}

TEST_CASE("service-health/prediction-fails") {
  Facts facts = served_facts();
  answer_with(healthy_of(facts), AskedFor::predict, 422, R"({"detail":[{"loc":["body","frames"]}]})");
  Finding finding = only_finding(run_check(kId, facts), "prediction-fails");
  CHECK(finding.message.contains("the recorded body does not fit"));
  answer_with(healthy_of(facts), AskedFor::predict, 500, "Internal Server Error");
  healthy_of(facts).log +=
      "Traceback (most recent call last):\nRuntimeError: mat1 and mat2 shapes cannot be multiplied\n";
  finding = only_finding(run_check(kId, facts), "prediction-fails");
  CHECK(finding.message ==
        "readiness is 2xx, and the prediction fails: `/predict` answered 500 `Internal Server Error`; "
        "expected 2xx");
  CHECK(finding.evidence.front().value == "RuntimeError: mat1 and mat2 shapes cannot be multiplied");
  answer_with(healthy_of(facts), AskedFor::predict, 200, R"({"success":false,"message":"no model"})");
  finding = only_finding(run_check(kId, facts), "prediction-fails");
  CHECK(finding.message.contains("`success` is `false`, with the status of a success"));
}

TEST_CASE("service-health/wrong-label") {
  Facts facts = served_facts();
  answer_with(healthy_of(facts), AskedFor::predict, 200,
              R"({"label":"감사합니다","all":{"안녕하세요":0.1}})");
  CHECK(only_finding(run_check(kId, facts), "wrong-label")
            .message.ends_with("expected the label `안녕하세요` as one of its texts"));
  answer_with(healthy_of(facts), AskedFor::predict, 200, "안녕하세요\n");
  CHECK(run_check(kId, facts).status == Status::passed);
  // Nothing can be said of what was cut off.
  answer_with(healthy_of(facts), AskedFor::predict, 200, R"({"label":"감사)");
  answer_of(healthy_of(facts), AskedFor::predict).body_bytes = 100'000;
  CHECK(run_check(kId, facts).status == Status::undecided);
}

TEST_CASE("service-health/names-other-model: but not in a list that names ours") {
  Facts facts = served_facts();
  answer_with(healthy_of(facts), AskedFor::readiness, 200, R"({"ok":true,"file":"/models/old.pth"})");
  CHECK(
      only_finding(run_check(kId, facts), "names-other-model").message ==
      R"(`/health` answered 200 `{"ok":true,"file":"/models/old.pth"}`: it names `old.pth`; the config's model is )"
      "`models/sign.pth`");
  answer_with(healthy_of(facts), AskedFor::readiness, 200, R"({"ok":true,"files":["old.pth","sign.pth"]})");
  CHECK(run_check(kId, facts).findings.empty());
  // What another key of the config names.
  answer_with(healthy_of(facts), AskedFor::readiness, 200, R"({"ok":true,"file":"loaded other.onnx."})");
  CHECK(finding_ids(run_check(kId, facts)) == std::vector<std::string>{"names-other-model"});
  facts.package.value->paths.push_back(
      {.asked_by = "models.other.path", .path = "/srv/sign/models/other.onnx"});
  CHECK(run_check(kId, facts).findings.empty());
}

TEST_CASE("service-health/model-not-opened: a conversion will do") {
  Facts facts = served_facts();
  healthy_of(facts).opened = {{.path = "/srv/sign/models/sign.onnx", .count = 1, .at = seconds(0.5)}};
  CHECK(only_finding(run_check(kId, facts), "model-not-opened")
            .message.contains("never opened `models/sign.pth`"));
  facts.model.conversions = {{.path = "/srv/sign/models/sign.onnx"}};
  CHECK(run_check(kId, facts).findings.empty());
}

TEST_CASE("service-health/invalid-json: once for a path") {
  Facts facts = served_facts();
  answer_with(healthy_of(facts), AskedFor::readiness, 200, R"({"ok":true,"load":NaN})");
  for (AnswerFacts& answer : healthy_of(facts).answers) {
    answer.not_json = answer.asked_for == AskedFor::readiness ? "`NaN` at byte 18 is no JSON" : "";
  }
  CHECK(only_finding(run_check(kId, facts), "invalid-json")
            .message.ends_with("which is no JSON: `NaN` at byte 18 is no JSON"));
}

TEST_CASE("service-health/route-fails") {
  Facts facts = served_facts();
  answer_with(healthy_of(facts), AskedFor::route, 500, "Internal Server Error");
  healthy_of(facts).log += "Traceback (most recent call last):\nKeyError: 'classes'\n";
  const Finding finding = only_finding(run_check(kId, facts), "route-fails");
  CHECK(finding.message == "`/labels` answered 500 `Internal Server Error`; expected an answer below 500");
  CHECK(finding.evidence.front().value == "KeyError: 'classes'");
  answer_with(healthy_of(facts), AskedFor::route, 422, "{}");
  CHECK(run_check(kId, facts).findings.empty());
  // A stream has no end.
  answer_with(healthy_of(facts), AskedFor::route, 0, "");
  answer_of(healthy_of(facts), AskedFor::route).content_type = "text/event-stream";
  CHECK(run_check(kId, facts).findings.empty());
}

TEST_CASE("service-health/health-blocked: against the option, the package, or one second") {
  Facts facts = served_facts();
  healthy_of(facts).busy->slowest = seconds(2.5);
  healthy_of(facts).busy->slowest_prediction = seconds(3);
  CHECK(only_finding(run_check(kId, facts), "health-blocked").message ==
        "while predictions ran, `/health` took up to 2.50 s, and 0 of 20 questions had no 2xx answer; "
        "expected less than "
        "1.00 s (Kubernetes' default), as without them (4.00 ms). A prediction took up to 3.00 s");
  CHECK(run_check(kId, facts, {{"health_within", 4}}).findings.empty());
  facts.package.value->patience = {{.kind = PatienceKind::answer,
                                    .file = "compose.yaml",
                                    .line = 9,
                                    .words = "`healthcheck` of `web`",
                                    .time = seconds(10)}};
  CHECK(run_check(kId, facts).findings.empty());
  healthy_of(facts).busy->failed = 3;
  CHECK(only_finding(run_check(kId, facts), "health-blocked").message.contains("3 of 20"));
  // A readiness path that is always slow is not blocked by predictions.
  answer_of(healthy_of(facts), AskedFor::readiness).took = seconds(11);
  CHECK(run_check(kId, facts).findings.empty());
}

TEST_CASE("service-health/ready-before-loaded") {
  Facts facts = served_facts();
  healthy_of(facts).opened.front().at = seconds(1.35);
  CHECK(only_finding(run_check(kId, facts), "ready-before-loaded", Status::passed)
            .message.contains("`models/sign.pth` was opened for the first time after 1.35 s"));
}

TEST_CASE("service-health/readiness-unnamed") {
  Facts facts = served_facts();
  facts.served.value->readiness.clear();
  only_finding(run_check(kId, facts), "readiness-unnamed", Status::passed);
}

TEST_CASE("service-health/prediction-unasked: readiness alone is no proof") {
  Facts facts = served_facts();
  facts.service->predict.reset();
  std::erase_if(healthy_of(facts).answers,
                [](const AnswerFacts& a) { return a.asked_for == AskedFor::predict; });
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.reason.contains("no prediction was asked"));
  only_finding(outcome, "prediction-unasked", Status::undecided);
}
