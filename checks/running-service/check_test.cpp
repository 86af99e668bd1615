// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "facts_builder.h"

using namespace runup;
using namespace runup::testing;

namespace {

constexpr std::string_view kId = "running-service";

AnswerFacts answer(AskedFor what, std::uint32_t status, std::string body) {
  AnswerFacts made{.asked_for = what,
                   .path = what == AskedFor::predict ? "/predict" : "/health",
                   .status = status,
                   .content_type = "application/json",
                   .body = std::move(body)};
  made.body_bytes = made.body.size();
  return made;
}

Facts running(std::vector<AnswerFacts> answers) {
  Facts facts = sign_facts();
  facts.service = ServiceDeclaration{
      .predict = PredictDeclaration{.path = "/predict", .body = "/srv/predict.json", .label = "hello"}};
  facts.standing.running = Observed<RunningFacts>::seen(
      {.url = "http://127.0.0.1:8000", .answers = std::move(answers)}, Duration{});
  return facts;
}

Facts with_unit(std::string active, std::string sub, std::uint32_t restarts = 0) {
  Facts facts = sign_facts();
  facts.standing.unit = Observed<UnitFacts>::seen({.name = "sign.service",
                                                   .active = std::move(active),
                                                   .sub = std::move(sub),
                                                   .started_ns = 1,
                                                   .restarts = restarts},
                                                  Duration{});
  return facts;
}

}  // namespace

TEST_CASE("running-service: ready, and predicts the label") {
  const Outcome outcome = run_check(kId, running({answer(AskedFor::readiness, 200, R"({"ok":true})"),
                                                  answer(AskedFor::predict, 200, R"({"label":"hello"})")}));
  CHECK(outcome.status == Status::passed);
  CHECK(outcome.findings.empty());
  CHECK(evidence_of(outcome, "service") == "http://127.0.0.1:8000");
}

TEST_CASE("running-service: what it does wrong") {
  const auto ids = [](std::vector<AnswerFacts> answers) {
    return finding_ids(run_check(kId, running(std::move(answers))));
  };
  const AnswerFacts ready = answer(AskedFor::readiness, 200, R"({"ok":true})");
  AnswerFacts refused = answer(AskedFor::readiness, 0, "");
  refused.error = "the connection was refused";
  CHECK(ids({refused, answer(AskedFor::predict, 0, "")}) == std::vector<std::string>{"not-answering"});
  CHECK(ids({answer(AskedFor::readiness, 503, "")}) == std::vector<std::string>{"not-ready"});
  CHECK(ids({answer(AskedFor::readiness, 200, R"({"model_loaded":false})")}) ==
        std::vector<std::string>{"not-ready"});
  CHECK(ids({ready, answer(AskedFor::predict, 500, "")}) == std::vector<std::string>{"prediction-fails"});
  CHECK(ids({ready, answer(AskedFor::predict, 200, R"({"success":false})")}) ==
        std::vector<std::string>{"prediction-fails"});
  CHECK(ids({ready, answer(AskedFor::predict, 200, R"({"label":"thanks"})")}) ==
        std::vector<std::string>{"wrong-label"});
}

TEST_CASE("running-service: nothing asked is skipped, nothing answered is undecided") {
  CHECK(run_check(kId, sign_facts()).status == Status::skipped);
  CHECK(run_check(kId, running({})).status == Status::undecided);
  Facts facts = sign_facts();
  facts.standing.running =
      Observed<RunningFacts>::none({.kind = AbsenceKind::crashed, .detail = "the probe crashed"});
  CHECK(run_check(kId, facts).status == Status::undecided);
}

TEST_CASE("running-service: the unit") {
  CHECK(run_check(kId, with_unit("active", "running")).findings.empty());
  CHECK(finding_ids(run_check(kId, with_unit("failed", "failed"))) ==
        std::vector<std::string>{"unit-not-active"});
  CHECK(finding_ids(run_check(kId, with_unit("active", "running", 3))) ==
        std::vector<std::string>{"unit-restarts"});
  Facts unknown = sign_facts();
  unknown.standing.unit = Observed<UnitFacts>::none({.kind = AbsenceKind::refused, .detail = "no bus"});
  CHECK(run_check(kId, unknown).status == Status::undecided);
}
