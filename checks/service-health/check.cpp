// SPDX-License-Identifier: Apache-2.0
#include "check/check.h"

#include <algorithm>
#include <format>

#include "base/text.h"
#include "check/served.h"
#include "check/wording.h"
#include "judge.h"

namespace runup::checks::service_health {

void Judge::add_log(Finding& finding) const {
  if (std::string line = failure_line(start.log); !line.empty()) {
    finding.evidence.push_back({.name = "log", .value = std::move(line)});
  } else if (std::string last = last_line(start.log); !last.empty()) {
    finding.evidence.push_back({.name = "end of the log", .value = std::move(last)});
  }
}

namespace {

Location predict_location() { return {.file = {}, .key = "service.predict", .line = {}}; }

// What kept the prediction from something that runup does not give; empty when the service itself is to blame.
std::string kept_from_outside(const Judge& judge) { return outside_reason(failure_line(judge.start.log)); }

void judge_failed_prediction(Judge& judge, const AnswerFacts& answer, const std::string& denial) {
  if (const std::string outside = kept_from_outside(judge); !outside.empty()) {
    judge.untold.push_back(std::format("{}: {}", answer_words(answer), outside));
    return;
  }
  const bool refused = answer.status >= 400 && answer.status < 500;
  std::string message = std::format("readiness is 2xx, and the prediction fails: {}", answer_words(answer));
  if (!denial.empty()) {
    message += std::format("; {}, with the status of a success", denial);
  } else {
    message += refused ? "; the recorded body does not fit what the service takes" : "; expected 2xx";
  }
  Finding& finding = judge.add(
      "prediction-fails", std::move(message),
      refused && denial.empty()
          ? "record a request that the service answers, and name its path and body in `service: predict:`"
          : "make readiness fail while predictions do, and repair what the log names",
      predict_location());
  judge.add_log(finding);
}

void judge_label(Judge& judge, const AnswerFacts& answer) {
  const std::string& label = judge.facts.service->predict->label;
  if (label.empty()) {
    return;
  }
  if (answer.body.size() < answer.body_bytes) {
    judge.untold.push_back(
        std::format("the answer to the prediction is {}, too long to look for the label `{}`",
                    format_bytes(answer.body_bytes), label));
    return;
  }
  // What is no JSON is judged as that.
  const bool in_no_json = !answer.not_json.empty() && answer.body.contains(std::format("\"{}\"", label));
  if (!in_no_json && !std::ranges::contains(body_texts(answer.body, true), label)) {
    judge.add("wrong-label",
              std::format("{}; expected the label `{}` as one of its texts", answer_words(answer), label),
              "correct the order of the class names, the preprocessing, or `service: predict: label:`",
              predict_location());
  }
}

void judge_prediction(Judge& judge) {
  const auto& predict = judge.facts.service->predict;
  if (!predict) {
    judge.add("prediction-unasked", "no `predict:`: readiness is believed, no prediction was asked",
              "give `service: {predict: {path: /predict, body: samples/predict.json}}`", predict_location());
    judge.untold.emplace_back(
        "no prediction was asked of the server: give `service: {predict: {path: ..., body: ...}}`");
    return;
  }
  const AnswerFacts* answer = last_answer(judge.start, AskedFor::predict);
  if (answer == nullptr) {
    if (judge.start.ready) {
      judge.untold.push_back(
          std::format("the server was ready, and `{}` was not asked for a prediction", predict->path));
    }
    return;
  }
  judge.judgement.saw("prediction", answer_words(*answer));
  const std::string denial = is_2xx(*answer) ? prediction_denies(answer->body) : std::string();
  if (is_2xx(*answer) && denial.empty()) {
    judge_label(judge, *answer);
  } else if (judge.start.ready) {
    judge_failed_prediction(judge, *answer, denial);
  }
}

void tell_start(Judge& judge) {
  judge.judgement.saw("command", std::format("`{}`", judge.served.command));
  for (const std::string& words : judge.served.unprotected) {
    judge.judgement.saw("not protected", words);
  }
  if (judge.start.ready) {
    judge.judgement.saw("ready after", format_duration(*judge.start.ready));
  }
  std::vector<std::string> files;
  for (const OpenedByServiceFacts& file : judge.start.opened) {
    files.push_back(shown_path(judge.facts, file.path));
  }
  if (!files.empty()) {
    judge.judgement.saw("files opened", join_quoted(files, 10));
  }
}

}  // namespace

Judgement judge(const Facts& facts, const Options& options) {
  if (auto without = without_served(facts)) {
    return *std::move(without);
  }
  Judgement judgement;
  Judge judge{facts, options, judgement, *facts.served, facts.served->healthy, {}};
  tell_start(judge);
  if (judge.start.ready) {
    judge_readiness(judge);
  } else {
    judge_not_ready(judge);
  }
  judge_prediction(judge);
  judge_opened(judge);
  judge_busy(judge);
  judge_json(judge);
  judge_routes(judge);
  judge_names(judge);
  if (!judge.untold.empty()) {
    judgement.undecided = join(judge.untold, "; ");
  }
  return judgement;
}

extern const CheckInfo kCheck;
const CheckInfo kCheck =
    define_check<Options, judge>("service-health", kFindings, {.package = true, .service = true});

}  // namespace runup::checks::service_health
