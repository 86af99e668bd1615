// SPDX-License-Identifier: Apache-2.0
#pragma once

// The facts of the sign-language service as it was started: once healthy, five times with its model file damaged, which
// it tells with 503 and a reason, and once stopped while it loaded. For tests of checks: change one thing and judge.

#include <array>
#include <string>
#include <utility>

#include "facts_builder.h"

namespace runup::testing {

inline const std::string kServedModel = "/srv/sign/models/sign.pth";

inline Duration seconds(double value) { return Duration::from_seconds(value); }

inline AnswerFacts json_answer(AskedFor asked_for, std::string path, std::uint32_t status, std::string body, double at,
                               double took = 0.004) {
  AnswerFacts answer{.asked_for = asked_for,
                     .path = std::move(path),
                     .status = status,
                     .error = {},
                     .content_type = "application/json",
                     .body = std::move(body),
                     .at = seconds(at),
                     .took = seconds(took)};
  answer.body_bytes = answer.body.size();
  return answer;
}

inline AnswerFacts lost_answer(AskedFor asked_for, std::string path, std::string error, double at) {
  return {.asked_for = asked_for, .path = std::move(path), .error = std::move(error), .at = seconds(at)};
}

inline StopFacts stop_at(StopMoment moment, double took, double patience = 15) {
  return {.moment = moment, .patience = seconds(patience), .took = seconds(took)};
}

inline StartFacts healthy_start() {
  StartFacts start;
  start.listening = seconds(1.2);
  start.ready = seconds(1.3);
  start.predicted = seconds(1.45);
  start.waited = seconds(60);
  start.answers = {
      json_answer(AskedFor::readiness, "/health", 200, R"({"ok":true,"model_loaded":true})", 1.3),
      json_answer(AskedFor::liveness, "/live", 200, R"({"alive":true})", 1.31),
      json_answer(AskedFor::predict, "/predict", 200, R"({"label":"안녕하세요","score":0.97})", 1.4, 0.05),
      json_answer(AskedFor::route, "/labels", 200, R"(["감사합니다","미안합니다","안녕하세요"])", 1.5),
      json_answer(AskedFor::readiness, "/health", 200, R"({"ok":true,"model_loaded":true})", 2.5)};
  start.busy = BusyHealthFacts{.concurrent = 4,
                               .predictions = 40,
                               .asked = 20,
                               .slowest = seconds(0.03),
                               .slowest_prediction = seconds(0.2)};
  start.opened = {{.path = kServedModel, .count = 1, .at = seconds(0.8)}};
  start.stops = {stop_at(StopMoment::prediction, 0.4)};
  start.stops.front().answer = json_answer(AskedFor::predict, "/predict", 200, R"({"label":"안녕하세요"})", 4, 0.3);
  start.log =
      "INFO:     Started server process [12]\n"
      "INFO:     Waiting for application startup.\n"
      "model loaded in 0.35 s\n"
      "INFO:     Application startup complete.\n"
      "INFO:     127.0.0.1:41000 - \"GET /health HTTP/1.1\" 200 OK\n";
  start.log_bytes = start.log.size();
  start.processes_seen = 1;
  start.processes = 1;
  start.memory = 240U << 20U;
  return start;
}

// The model file damaged in this way: the server comes up, says so and answers no prediction.
inline StartFacts damaged_start(Damage damage) {
  StartFacts start;
  start.damage = damage;
  start.file = kServedModel;
  start.listening = seconds(1.1);
  start.waited = seconds(10);
  start.answers = {
      json_answer(AskedFor::readiness, "/health", 503, R"({"ok":false,"reason":"the model is not loaded"})", 1.2),
      json_answer(AskedFor::liveness, "/live", 200, R"({"alive":true})", 1.3),
      json_answer(AskedFor::predict, "/predict", 503, R"({"detail":"the model is not loaded"})", 1.4),
      json_answer(AskedFor::readiness, "/health", 503, R"({"ok":false,"reason":"the model is not loaded"})", 10)};
  if (damage != Damage::missing && damage != Damage::unreadable) {
    start.opened = {{.path = kServedModel, .count = 1, .at = seconds(0.8)}};
  }
  start.log =
      "INFO:     Started server process [12]\n"
      "INFO:     Waiting for application startup.\n"
      "ERROR:sign:the model could not be loaded\n"
      "Traceback (most recent call last):\n"
      "  File \"/srv/sign/main.py\", line 12, in lifespan\n"
      "    app.state.predictor = get_predictor()\n"
      "_pickle.UnpicklingError: invalid load key, 'v'.\n"
      "INFO:     Application startup complete.\n";
  start.log_bytes = start.log.size();
  start.processes_seen = 1;
  start.processes = 1;
  return start;
}

inline constexpr std::array kDamages{Damage::missing, Damage::truncated, Damage::lfs_pointer, Damage::zeros,
                                     Damage::unreadable};

inline Facts served_facts() {
  Facts facts = sign_facts();
  facts.service = ServiceDeclaration{
      .command = "uvicorn main:app --host {host} --port {port}",
      .liveness = "/live",
      .readiness = "/health",
      .predict = PredictDeclaration{
          .path = "/predict", .body = "/srv/sign/samples/predict.json", .label = "안녕하세요"}};
  ServiceFacts served{.command = "uvicorn main:app --host 127.0.0.1 --port 8000",
                      .readiness = "/health",
                      .liveness = "/live",
                      .healthy = healthy_start()};
  for (const Damage damage : kDamages) {
    served.damaged.push_back({.damage = damage,
                              .file = kServedModel,
                              .start = Observed<StartFacts>::seen(damaged_start(damage), {})});
  }
  StartFacts interrupted{.interrupted = true, .stops = {stop_at(StopMoment::loading, 0.2)}};
  served.interrupted = Observed<StartFacts>::seen(std::move(interrupted), {});
  facts.served = Observed<ServiceFacts>::seen(std::move(served), {});
  return facts;
}

inline StartFacts& healthy_of(Facts& facts) { return facts.served.value->healthy; }
// The start with this damage of the model file, which served_facts() has.
inline StartFacts& damaged_of(Facts& facts, Damage damage) {
  for (DamagedStart& start : facts.served.value->damaged) {
    if (start.damage == damage) {
      return *start.start.value;
    }
  }
  std::abort();
}
// The last answer to this kind of question, which must be there.
inline AnswerFacts& answer_of(StartFacts& start, AskedFor asked_for) {
  AnswerFacts* found = nullptr;
  for (AnswerFacts& answer : start.answers) {
    found = answer.asked_for == asked_for ? &answer : found;
  }
  REQUIRE(found != nullptr);
  return *found;
}

// All answers to this kind of question become this status and body.
inline void answer_with(StartFacts& start, AskedFor asked_for, std::uint32_t status, const std::string& body) {
  for (AnswerFacts& answer : start.answers) {
    if (answer.asked_for == asked_for) {
      answer.status = status;
      answer.body = body;
      answer.body_bytes = body.size();
    }
  }
}

}  // namespace runup::testing
