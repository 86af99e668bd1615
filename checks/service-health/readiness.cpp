// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <format>

#include "base/text.h"
#include "check/served.h"
#include "check/wording.h"
#include "judge.h"

namespace runup::checks::service_health {

namespace {

constexpr std::string_view kReadinessKey = "service.readiness";

Location service_location(std::string_view key) { return {.file = {}, .key = std::string(key), .line = {}}; }

std::string start_words(const Judge& judge) {
  const std::string line = failure_line(judge.start.log);
  return line.empty() ? std::string() : ": " + line;
}

const AnswerFacts* working_prediction(const StartFacts& start) {
  const AnswerFacts* answer = last_answer(start, AskedFor::predict);
  return answer != nullptr && is_2xx(*answer) && prediction_denies(answer->body).empty() ? answer : nullptr;
}

void judge_denies_working(Judge& judge, const AnswerFacts* readiness) {
  const AnswerFacts* prediction = working_prediction(judge.start);
  if (prediction != nullptr && readiness != nullptr && !is_2xx(*readiness)) {
    judge.add("denies-working",
              std::format("{}, and {}; expected 2xx from a server that predicts", answer_words(*readiness),
                          answer_words(*prediction)),
              "let readiness ask the predictor that the prediction uses", service_location(kReadinessKey));
  }
}

// How long a readiness answer may take, and who says so.
struct HealthLimit {
  Duration time = Duration::from_seconds(1);
  std::string from = "Kubernetes' default";
};

HealthLimit health_limit(const Judge& judge) {
  if (judge.options.health_within) {
    return {*judge.options.health_within, "`health_within`"};
  }
  HealthLimit limit;
  bool found = false;
  if (judge.facts.package) {
    for (const PatienceFacts& patience : judge.facts.package->patience) {
      if (patience.kind == PatienceKind::answer && (!found || patience.time < limit.time)) {
        limit = {patience.time, std::format("{} in `{}`", patience.words, patience.file)};
        found = true;
      }
    }
  }
  return limit;
}

// The last 2xx answer to readiness, when nothing else was asked.
const AnswerFacts* good_readiness(const StartFacts& start) {
  const AnswerFacts* good = nullptr;
  for (const AnswerFacts& answer : start.answers) {
    good = answer.asked_for == AskedFor::readiness && is_2xx(answer) ? &answer : good;
  }
  return good;
}

}  // namespace

void judge_not_ready(Judge& judge) {
  const StartFacts& start = judge.start;
  if (const std::string outside = outside_reason(start.log); !outside.empty()) {
    judge.untold.push_back("the server did not become ready: " + outside);
    return;
  }
  const std::string waited = format_duration(start.waited);
  if (start.ended) {
    Finding& finding = judge.add(
        "not-started",
        std::format("`{}` ended by itself after {} with {}, before it was ready{}", judge.served.command,
                    format_duration(start.ended->at), end_words(*start.ended), start_words(judge)),
        "run the command in the package's folder, and repair what its log names",
        service_location("service.command"));
    judge.add_log(finding);
    return;
  }
  if (!start.listening) {
    Finding& finding = judge.add("never-listens",
                                 std::format("`{}` runs and accepted no connection in {}{}",
                                             judge.served.command, waited, start_words(judge)),
                                 "let the command listen on `{host}:{port}`, which runup fills in: `--host "
                                 "{host} --port {port}`, or the variable "
                                 "`PORT`",
                                 service_location("service.command"));
    judge.add_log(finding);
    return;
  }
  const AnswerFacts* readiness = last_answer(start, AskedFor::readiness);
  Finding& finding = judge.add(
      "not-ready",
      readiness == nullptr
          ? std::format("no path answered 2xx in {}{}", waited, start_words(judge))
          : std::format("{}; expected 2xx within {}{}", answer_words(*readiness), waited, start_words(judge)),
      readiness != nullptr && readiness->status == 404
          ? "name the path that tells whether predictions work in `service: readiness:`"
          : "repair what the log names; a server that is never ready gets no requests",
      service_location(kReadinessKey));
  judge.add_log(finding);
  judge_denies_working(judge, readiness);
}

void judge_readiness(Judge& judge) {
  const StartFacts& start = judge.start;
  if (start.ended) {
    Finding& finding =
        judge.add("ends-by-itself",
                  std::format("the server was ready after {} and ended by itself after {} with {}{}",
                              format_duration(*start.ready), format_duration(start.ended->at),
                              end_words(*start.ended), start_words(judge)),
                  "repair what the log names", service_location("service.command"));
    judge.add_log(finding);
  }
  if (judge.served.readiness.empty()) {
    judge.add("readiness-unnamed",
              "none of the usual readiness paths is there; expected one that tells whether predictions work",
              "add a route such as `/health` that answers 503 while the model is not loaded, and name it in "
              "`service: "
              "readiness:`",
              service_location(kReadinessKey));
    return;
  }
  const AnswerFacts* readiness = last_answer(start, AskedFor::readiness);
  if (readiness == nullptr) {
    judge.untold.push_back(std::format("no answer of `{}` is known", judge.served.readiness));
    return;
  }
  judge.judgement.saw(judge.served.readiness_found ? "readiness, found" : "readiness",
                      answer_words(*readiness));
  if (!is_2xx(*readiness)) {
    judge_denies_working(judge, readiness);
    if (working_prediction(start) == nullptr) {
      judge.untold.push_back(std::format("the server was ready after {}, and then {}",
                                         format_duration(*start.ready), answer_words(*readiness)));
    }
    return;
  }
  if (const std::string denial = body_denies(readiness->body); !denial.empty()) {
    judge.add("body-contradicts",
              std::format("{}: the status says that it is ready, and the body that it is not ({})",
                          answer_words(*readiness), denial),
              "answer 503 where the body says so: platforms read the status code alone",
              service_location(kReadinessKey));
  }
}

void judge_opened(Judge& judge) {
  const StartFacts& start = judge.start;
  const AnswerFacts* prediction = working_prediction(start);
  const OpenedByServiceFacts* model = opened_model(judge.facts, start);
  if (model == nullptr && prediction != nullptr) {
    judge.add("model-not-opened",
              std::format("{}, and the server never opened {}; expected the prediction to come from it",
                          answer_words(*prediction),
                          judge.facts.model.conversions.empty()
                              ? std::format("`{}`", model_file(judge.facts))
                              : std::format("`{}` or a conversion of it", model_file(judge.facts))),
              "find what the server answers from: another model file, a cache, or a substitute",
              model_location(judge.facts));
  }
  if (model != nullptr && start.ready && !judge.served.readiness.empty() && model->at > *start.ready) {
    judge.add("ready-before-loaded",
              std::format("`{}` answered 2xx after {}, and `{}` was opened for the first time after {}",
                          judge.served.readiness, format_duration(*start.ready),
                          shown_path(judge.facts, model->path), format_duration(model->at)),
              "load the model before the server says that it is ready: else the first requests wait or fail",
              service_location(kReadinessKey));
  }
}

void judge_busy(Judge& judge) {
  const StartFacts& start = judge.start;
  if (!start.busy || !start.ready || judge.served.readiness.empty() || start.busy->asked == 0) {
    return;
  }
  const BusyHealthFacts& busy = *start.busy;
  const HealthLimit limit = health_limit(judge);
  judge.judgement.saw(
      "readiness while predictions ran",
      std::format("at most {}, {} of {} without a 2xx answer, beside {} at a time (at most {})",
                  format_duration(busy.slowest), busy.failed, busy.asked,
                  count_of(busy.concurrent, "prediction", "predictions"),
                  format_duration(busy.slowest_prediction)));
  const AnswerFacts* idle = good_readiness(start);
  if (idle == nullptr || idle->took >= limit.time || (busy.slowest < limit.time && busy.failed == 0)) {
    return;
  }
  judge.add("health-blocked",
            std::format("while predictions ran, `{}` took up to {}, and {} of {} questions had no 2xx "
                        "answer; expected less "
                        "than {} ({}), as without them ({}). A prediction took up to {}",
                        judge.served.readiness, format_duration(busy.slowest), busy.failed, busy.asked,
                        format_duration(limit.time), limit.from, format_duration(idle->took),
                        format_duration(busy.slowest_prediction)),
            "run the model outside the event loop (`def` instead of `async def`, or `run_in_threadpool`), "
            "and keep the "
            "readiness route `async def`",
            service_location(kReadinessKey));
}

}  // namespace runup::checks::service_health
