// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <format>

#include "base/text.h"
#include "check/served.h"
#include "judge.h"

namespace runup::checks::startup_failure {

namespace {

constexpr std::string_view kHealthKey = "service.readiness";
constexpr std::string_view kPredictKey = "service.predict";
constexpr std::string_view kPromiseKey = "service.on_missing_model";

constexpr std::array<std::string_view, 7> kFallbackWords{"fallback", "degraded", "dummy",     "default",
                                                         "backup",   "baseline", "substitute"};
constexpr std::array<std::string_view, 4> kProgramErrors{"AttributeError", "NameError", "KeyError",
                                                         "TypeError"};
constexpr std::array<std::string_view, 4> kCrashBodies{"Internal Server Error", "Server Error (500)",
                                                       "NoneType", "Traceback (most recent call last)"};

bool contains_ignoring_case(std::string_view text, std::string_view word) {
  return !std::ranges::search(text, word, [](char a, char b) {
            return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
          }).empty();
}

// The body says of a substitute what the healthy one's did not.
bool shows_itself(const AnswerFacts* answer, const AnswerFacts* healthy) {
  if (answer == nullptr) {
    return false;
  }
  const std::string_view before = healthy == nullptr ? std::string_view{} : std::string_view(healthy->body);
  return std::ranges::any_of(kFallbackWords,
                             [&](std::string_view word) {
                               return contains_ignoring_case(answer->body, word) &&
                                      !contains_ignoring_case(before, word);
                             }) ||
         (!body_denies(answer->body, Denial::of_any).empty() && body_denies(before, Denial::of_any).empty());
}

// What a framework answers for an exception that nobody caught.
bool is_crash(const Judge& judge, const StartFacts& start, const AnswerFacts& answer) {
  if (answer.status != 500) {
    return false;
  }
  if (trim(answer.body).empty() || std::ranges::any_of(kCrashBodies, [&](std::string_view words) {
        return answer.body.contains(words);
      })) {
    return true;
  }
  const std::string line = failure_line(start.log, judge.served.healthy.log);
  return std::ranges::contains(kProgramErrors, exception_kind(line));
}

struct Answers {
  const AnswerFacts* readiness = nullptr;
  const AnswerFacts* prediction = nullptr;
  // the prediction was answered as a success
  bool predicts = false;
};

void judge_liveness(Judge& judge, const DamagedStart& damaged) {
  const AnswerFacts* liveness = last_answer(*damaged.start, AskedFor::liveness);
  if (liveness != nullptr && !is_2xx(*liveness) && judge.served.liveness != judge.served.readiness) {
    judge.tell("liveness-fails", damaged,
               answer_words(*liveness) +
                   "; expected 2xx: a restart brings no model back, and the platform restarts for ever",
               "let liveness answer 2xx as long as the process can answer, and leave the model to readiness",
               "service.liveness");
  }
}

void judge_ready(Judge& judge, const DamagedStart& damaged, const Answers& answers) {
  const StartFacts& healthy = judge.served.healthy;
  if (judge.promise == OnMissingModel::fallback && (answers.prediction == nullptr || answers.predicts)) {
    if (!shows_itself(answers.readiness, last_answer(healthy, AskedFor::readiness)) &&
        !shows_itself(answers.prediction, last_answer(healthy, AskedFor::predict))) {
      judge.tell("hidden-fallback", damaged,
                 std::format("{}{}; expected an answer that tells the substitute from the model",
                             answer_words(*answers.readiness),
                             answers.prediction == nullptr ? std::string()
                                                           : ", and " + answer_words(*answers.prediction)),
                 "name what answers in the body of readiness and of predictions: `\"model\": \"fallback\"`",
                 kHealthKey);
    }
    return;
  }
  std::string what = answer_words(*answers.readiness);
  if (const std::string denial = body_denies(answers.readiness->body, Denial::of_any); !denial.empty()) {
    what += std::format(": the status code says healthy, and the body does not ({})", denial);
  }
  if (answers.prediction != nullptr) {
    what += ", and " + answer_words(*answers.prediction);
  }
  judge.tell("healthy-without-model", damaged,
             what + (judge.promise == OnMissingModel::exit ? "; `on_missing_model` promises `exit`"
                                                           : "; expected 503"),
             "answer 503 in the readiness route until the model is loaded (`response.status_code = 503`), or "
             "let the failure end "
             "the process",
             kHealthKey);
}

void judge_unhealthy(Judge& judge, const DamagedStart& damaged, const Answers& answers) {
  const AnswerFacts& readiness = *answers.readiness;
  if (judge.promise == OnMissingModel::exit ||
      (judge.promise == OnMissingModel::fallback && answers.prediction != nullptr && !answers.predicts)) {
    judge.tell("not-as-promised", damaged,
               std::format("the server goes on, and {}; `on_missing_model` promises `{}`",
                           answer_words(readiness), enum_name(*judge.promise)),
               "do what is promised, or promise `unhealthy`", kPromiseKey);
    return;
  }
  if (is_crash(judge, *damaged.start, readiness)) {
    judge.tell("health-crashes", damaged, answer_words(readiness) + "; expected 503 and a reason",
               "let the readiness route work without a model: test it for `None` and answer 503", kHealthKey);
  } else if (trim(readiness.body).empty()) {
    judge.tell("without-reason", damaged, answer_words(readiness) + "; expected a reason",
               "say in the body what is missing: `{\"status\": \"unavailable\", \"reason\": \"the model is "
               "not loaded\"}`",
               kHealthKey);
  }
}

void judge_prediction(Judge& judge, const DamagedStart& damaged, const Answers& answers) {
  if (answers.prediction == nullptr) {
    return;
  }
  if (answers.predicts && judge.promise != OnMissingModel::fallback) {
    judge.tell("predicts-without-model", damaged,
               std::format("{}, and {}; expected 503 from both", answer_words(*answers.readiness),
                           answer_words(*answers.prediction)),
               "find what the prediction is made from, and let it fail without the model", kPredictKey);
  } else if (is_crash(judge, *damaged.start, *answers.prediction)) {
    judge.tell("prediction-crashes", damaged,
               answer_words(*answers.prediction) + "; expected 503 and a reason",
               "answer 503 where the model is not loaded, before it is used", kPredictKey);
  }
}

// Without a readiness path a platform sees the prediction alone.
void judge_without_readiness(Judge& judge, const DamagedStart& damaged, const Answers& answers) {
  if (answers.predicts) {
    judge.tell("predicts-without-model", damaged, answer_words(*answers.prediction) + "; expected 503",
               "find what the prediction is made from, and let it fail without the model", kPredictKey);
    return;
  }
  const std::string why =
      "the server goes on and has no readiness path that could tell; see `service-health`";
  if (!std::ranges::contains(judge.untold, why)) {
    judge.untold.push_back(why);
  }
}

}  // namespace

void judge_serving(Judge& judge, const DamagedStart& damaged) {
  const StartFacts& start = *damaged.start;
  Answers answers{last_answer(start, AskedFor::readiness), last_answer(start, AskedFor::predict), false};
  answers.predicts = answers.prediction != nullptr && is_2xx(*answers.prediction) &&
                     prediction_denies(answers.prediction->body).empty();
  judge_liveness(judge, damaged);
  if (answers.readiness == nullptr) {
    judge_without_readiness(judge, damaged, answers);
  } else if (is_2xx(*answers.readiness)) {
    judge_ready(judge, damaged, answers);
  } else {
    judge_unhealthy(judge, damaged, answers);
    judge_prediction(judge, damaged, answers);
  }
}

}  // namespace runup::checks::startup_failure
