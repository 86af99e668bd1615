// SPDX-License-Identifier: Apache-2.0
#include "service_facts.h"

namespace runup::testing {

AnswerFacts json_answer(AskedFor asked_for, std::string path, std::uint32_t status, std::string body,
                        double at, double took) {
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

AnswerFacts lost_answer(AskedFor asked_for, std::string path, std::string error, double at) {
  return {.asked_for = asked_for, .path = std::move(path), .error = std::move(error), .at = seconds(at)};
}

StopFacts stop_at(StopMoment moment, double took, double patience) {
  return {.moment = moment, .patience = seconds(patience), .took = seconds(took)};
}

StartFacts healthy_start() {
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
  start.stops.front().answer =
      json_answer(AskedFor::predict, "/predict", 200, R"({"label":"안녕하세요"})", 4, 0.3);
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

StartFacts damaged_start(Damage damage) {
  StartFacts start;
  start.damage = damage;
  start.file = kServedModel;
  start.listening = seconds(1.1);
  start.waited = seconds(10);
  start.answers = {
      json_answer(AskedFor::readiness, "/health", 503, R"({"ok":false,"reason":"the model is not loaded"})",
                  1.2),
      json_answer(AskedFor::liveness, "/live", 200, R"({"alive":true})", 1.3),
      json_answer(AskedFor::predict, "/predict", 503, R"({"detail":"the model is not loaded"})", 1.4),
      json_answer(AskedFor::readiness, "/health", 503, R"({"ok":false,"reason":"the model is not loaded"})",
                  10)};
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

Facts served_facts() {
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

void answer_with(StartFacts& start, AskedFor asked_for, std::uint32_t status, const std::string& body) {
  for (AnswerFacts& answer : start.answers) {
    if (answer.asked_for == asked_for) {
      answer.status = status;
      answer.body = body;
      answer.body_bytes = body.size();
    }
  }
}

Finding only_finding(const Outcome& outcome, std::string_view id, Status status) {
  INFO(outcome.reason);
  CHECK(outcome.status == status);
  CHECK(finding_ids(outcome) == std::vector<std::string>{std::string(id)});
  return find_finding(outcome, id);
}

}  // namespace runup::testing
