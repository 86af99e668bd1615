// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "service_facts.h"

using namespace runup;
using namespace runup::testing;

namespace {

constexpr std::string_view kId = "startup-failure";
constexpr std::string_view kAllWays =
    "with `models/sign.pth` damaged in each of 5 ways (missing, truncated, a Git LFS pointer, all zeros, "
    "unreadable): ";
const std::string kFine = R"({"ok":true,"model_loaded":true})";
const std::string kLabel = R"({"label":"안녕하세요","score":0.97})";

template <class Change>
Facts with_damaged(Change change, std::optional<OnMissingModel> promise = std::nullopt) {
  Facts facts = served_facts();
  facts.service->on_missing_model = promise;
  for (const Damage damage : kDamages) {
    change(damaged_of(facts, damage));
  }
  return facts;
}

void make_ready(StartFacts& start, const std::string& body = kFine) {
  start.ready = seconds(1.3);
  answer_with(start, AskedFor::readiness, 200, body);
}

void make_exit(StartFacts& start, std::int32_t status) {
  start.answers.clear();
  start.listening = std::nullopt;
  start.ended = ServiceEndFacts{.status = status, .at = seconds(1.2)};
}

void make_silent(StartFacts& start) {
  start.answers = {lost_answer(AskedFor::readiness, "/health", "no whole answer within 10.0 s", 10)};
}

}  // namespace

TEST_CASE("startup-failure: how the files were damaged and the starts were made") {
  Facts facts = served_facts();
  CHECK(evidence_of(run_check(kId, facts), "started by").empty());
  CHECK(evidence_of(run_check(kId, facts), "damaged in").empty());
  damaged_of(facts, Damage::zeros).forked = true;
  facts.served.value->in_copy = true;
  CHECK(evidence_of(run_check(kId, facts), "started by") ==
        "forks of an interpreter that had done the imports");
  CHECK(evidence_of(run_check(kId, facts), "damaged in") == "a copy of the package");
}

TEST_CASE("startup-failure: 503 with a reason, and an exit that says why") {
  Outcome outcome = run_check(kId, served_facts());
  CHECK(outcome.status == Status::passed);
  CHECK(outcome.findings.empty());
  CHECK(evidence_of(outcome, "promised") == "`unhealthy` or `exit`");
  CHECK(evidence_of(outcome, "with `models/sign.pth` truncated") ==
        R"(`/health` answered 503 `{"ok":false,"reason":"the model is not loaded"}`, )"
        R"(`/predict` answered 503 `{"detail":"the model is not loaded"}`)");
  for (const std::optional<OnMissingModel> promise :
       {std::optional<OnMissingModel>{}, {OnMissingModel::exit}}) {
    outcome = run_check(kId, with_damaged([](StartFacts& start) { make_exit(start, 3); }, promise));
    CHECK(outcome.status == Status::passed);
    CHECK(outcome.findings.empty());
    CHECK(evidence_of(outcome, "with `models/sign.pth` missing") ==
          "ended with exit status 3: _pickle.UnpicklingError: invalid load key, 'v'.");
  }
}

TEST_CASE("startup-failure/healthy-without-model: told once for all damages") {
  const Facts facts = with_damaged([](StartFacts& start) {
    make_ready(start, R"({"ok":false})");
    answer_with(start, AskedFor::predict, 500, "Internal Server Error");
  });
  const Finding finding = only_finding(run_check(kId, facts), "healthy-without-model");
  CHECK(finding.message == std::string(kAllWays) +
                               "`/health` answered 200 `{\"ok\":false}`: the status code says healthy, and "
                               "the body does not (`ok` is `false`), "
                               "and `/predict` answered 500 `Internal Server Error`; expected 503");
  CHECK(finding.evidence.size() == 5);
  CHECK(finding.evidence.front().name == "log, missing");
  CHECK(finding.where.key == "service.readiness");
}

TEST_CASE("startup-failure/healthy-without-model: of one damage, or of some") {
  Facts facts = served_facts();
  make_ready(damaged_of(facts, Damage::lfs_pointer));
  CHECK(only_finding(run_check(kId, facts), "healthy-without-model")
            .message.starts_with(
                "with a Git LFS pointer in place of `models/sign.pth`: `/health` answered 200"));
  make_ready(damaged_of(facts, Damage::zeros));
  CHECK(only_finding(run_check(kId, facts), "healthy-without-model")
            .message.starts_with(
                "with `models/sign.pth` damaged in 2 of 5 ways (a Git LFS pointer, all zeros): "));
}

TEST_CASE("startup-failure/hidden-fallback: a promised substitute shows itself") {
  const auto substitute = [](const std::string& health, const std::string& prediction) {
    return with_damaged(
        [&](StartFacts& start) {
          make_ready(start, health);
          answer_with(start, AskedFor::predict, 200, prediction);
        },
        OnMissingModel::fallback);
  };
  CHECK(
      only_finding(run_check(kId, substitute(kFine, R"({"label":"Sign_0"})")), "hidden-fallback").message ==
      std::string(kAllWays) +
          R"(`/health` answered 200 `{"ok":true,"model_loaded":true}`, and `/predict` answered 200 `{"label":"Sign_0"}`; )"
          "expected an answer that tells the substitute from the model");
  CHECK(run_check(kId, substitute(R"({"ok":true,"model":"Baseline"})", kLabel)).findings.empty());
  CHECK(run_check(kId, substitute(R"({"ok":true,"model_loaded":false})", kLabel)).findings.empty());
  CHECK(run_check(kId, substitute(kFine, R"({"label":"x","source":"fallback"})")).findings.empty());
  // What does not predict is no substitute.
  CHECK(finding_ids(run_check(kId, substitute(kFine, R"({"success":false})"))) ==
        std::vector<std::string>{"healthy-without-model"});
}

TEST_CASE("startup-failure/predicts-without-model") {
  const Facts facts =
      with_damaged([](StartFacts& start) { answer_with(start, AskedFor::predict, 200, kLabel); });
  CHECK(only_finding(run_check(kId, facts), "predicts-without-model").where.key == "service.predict");
  Facts without_health = facts;
  without_health.served.value->readiness.clear();
  for (const Damage damage : kDamages) {
    std::erase_if(damaged_of(without_health, damage).answers,
                  [](const AnswerFacts& answer) { return answer.asked_for == AskedFor::readiness; });
  }
  only_finding(run_check(kId, without_health), "predicts-without-model");
}

TEST_CASE("startup-failure/not-as-promised: each promise, and each way to break it") {
  only_finding(
      run_check(kId, with_damaged([](StartFacts& start) { make_exit(start, 1); }, OnMissingModel::unhealthy)),
      "not-as-promised");
  only_finding(
      run_check(kId, with_damaged([](StartFacts& start) { make_exit(start, 1); }, OnMissingModel::fallback)),
      "not-as-promised");
  only_finding(run_check(kId, with_damaged([](StartFacts&) {}, OnMissingModel::exit)), "not-as-promised");
  CHECK(only_finding(run_check(kId, with_damaged([](StartFacts&) {}, OnMissingModel::fallback)),
                     "not-as-promised")
            .message.ends_with("`on_missing_model` promises `fallback`"));
  CHECK(run_check(kId, with_damaged([](StartFacts&) {}, OnMissingModel::unhealthy)).findings.empty());
}

TEST_CASE("startup-failure/health-crashes: a program error is no answer") {
  const auto with_health = [](const std::string& body, const std::string& log) {
    return with_damaged([&](StartFacts& start) {
      answer_with(start, AskedFor::readiness, 500, body);
      start.log += log;
    });
  };
  CHECK(only_finding(run_check(kId, with_health("Internal Server Error", "")), "health-crashes")
            .message.ends_with("`/health` answered 500 `Internal Server Error`; expected 503 and a reason"));
  only_finding(run_check(kId, with_health(R"({"detail":"error"})",
                                          "Traceback (most recent call last):\n  File \"main.py\", line 3\n"
                                          "AttributeError: 'NoneType' object has no attribute 'eval'\n")),
               "health-crashes");
  CHECK(run_check(kId, with_health(R"({"status":"error","reason":"no model"})", "")).findings.empty());
}

TEST_CASE("startup-failure/prediction-crashes") {
  const Facts facts = with_damaged([](StartFacts& start) {
    answer_with(start, AskedFor::predict, 500,
                R"({"detail":"'NoneType' object has no attribute 'predict'"})");
  });
  only_finding(run_check(kId, facts), "prediction-crashes");
}

TEST_CASE("startup-failure/exits-with-success, and exits-silently") {
  only_finding(run_check(kId, with_damaged([](StartFacts& start) { make_exit(start, 0); })),
               "exits-with-success");
  const Facts facts = with_damaged([](StartFacts& start) {
    make_exit(start, 3);
    start.log = "INFO:     Started server process [13]\nERROR:    Application startup failed. Exiting.\n";
  });
  CHECK(only_finding(run_check(kId, facts), "exits-silently")
            .message.contains("the server ends with exit status 3"));
}

TEST_CASE("startup-failure/crash-loop, and hangs") {
  Facts facts = with_damaged([](StartFacts& start) {
    make_silent(start);
    start.processes_seen = 12;
  });
  only_finding(run_check(kId, facts), "crash-loop");
  facts = with_damaged(make_silent);
  CHECK(only_finding(run_check(kId, facts), "hangs").message ==
        std::string(kAllWays) +
            "`/health` gave no answer: no whole answer within 10.0 s, and the server does not end in 10.0 s; "
            "expected it to end, "
            "or to answer 503");
  facts = with_damaged([](StartFacts& start) {
    start.answers.clear();
    start.listening = std::nullopt;
  });
  CHECK(only_finding(run_check(kId, facts), "hangs")
            .message.contains("no connection was accepted, and the server does not end in 10.0 s"));
}

TEST_CASE("startup-failure/liveness-fails, and liveness-is-readiness") {
  Facts facts = with_damaged([](StartFacts& start) { answer_with(start, AskedFor::liveness, 503, "{}"); });
  CHECK(only_finding(run_check(kId, facts), "liveness-fails").where.key == "service.liveness");
  facts.served.value->liveness = "/health";
  only_finding(run_check(kId, facts), "liveness-is-readiness", Status::passed);
}

TEST_CASE("startup-failure/without-reason") {
  const Facts facts =
      with_damaged([](StartFacts& start) { answer_with(start, AskedFor::readiness, 503, ""); });
  only_finding(run_check(kId, facts), "without-reason", Status::passed);
}

TEST_CASE("startup-failure: a damage that nobody met says nothing") {
  Facts facts = with_damaged([](StartFacts& start) {
    make_ready(start);
    start.opened.clear();
  });
  healthy_of(facts).opened = {{.path = "/srv/sign/models/sign.onnx", .count = 1, .at = seconds(0.5)}};
  facts.model.conversions = {{.path = "/srv/sign/models/sign.onnx"}};
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::undecided);
  CHECK(outcome.findings.empty());
  CHECK(outcome.reason ==
        "the damage was never met: the server did not open `models/sign.pth` (missing, truncated, a Git LFS "
        "pointer, all zeros, "
        "unreadable); it opened `models/sign.onnx`");
}

TEST_CASE("startup-failure: starts that say nothing of the damage") {
  Facts facts = served_facts();
  facts.served.value->damaged[1].start =
      Observed<StartFacts>::none({.kind = AbsenceKind::timed_out, .detail = "no time was left", .log = {}});
  StartFacts& zeros = damaged_of(facts, Damage::zeros);
  make_exit(zeros, 1);
  zeros.log = "ConnectionRefusedError: [Errno 111] Connect call failed ('127.0.0.1', 6379)\n";
  Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::undecided);
  CHECK(outcome.findings.empty());
  CHECK(
      outcome.reason.starts_with("the start with `models/sign.pth` truncated could not be observed: no time "
                                 "was left; with `models/sign.pth` all zeros: "
                                 "the server asks for `127.0.0.1:6379`"));
  // Its log is about the file too: the damage did it.
  zeros.log += "EOFError: Ran out of input\n";
  outcome = run_check(kId, facts);
  CHECK_FALSE(outcome.reason.contains("6379"));
  // The healthy start has the same words.
  zeros.log = healthy_of(facts).log =
      "ConnectionRefusedError: [Errno 111] Connect call failed ('127.0.0.1', 6379)\n";
  CHECK(finding_ids(run_check(kId, facts)) == std::vector<std::string>{"exits-silently"});
  facts.served.value->damaged.clear();
  CHECK(run_check(kId, facts).status == Status::undecided);
  healthy_of(facts).ready.reset();
  CHECK(run_check(kId, facts).reason ==
        "blocked: the undamaged service does not become ready; see `service-health`");
  facts.service.reset();
  CHECK(run_check(kId, facts).status == Status::skipped);
}
