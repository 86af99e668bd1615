// SPDX-License-Identifier: Apache-2.0
#include "check/check.h"

#include <algorithm>
#include <format>

#include "base/text.h"
#include "check/served.h"

namespace runup::checks::running_service {

constexpr std::array kFindings{
    FindingInfo{"not-answering", Severity::error, "nothing answers where the service should"},
    FindingInfo{"not-ready", Severity::error, "the running service says that it is not ready"},
    FindingInfo{"prediction-fails", Severity::error,
                "the running service does not answer the recorded prediction"},
    FindingInfo{"wrong-label", Severity::error, "its answer does not name the expected label"},
    FindingInfo{"unit-not-active", Severity::error, "systemd does not have the service's unit active"},
    FindingInfo{"unit-restarts", Severity::note, "systemd restarted the service by itself"}};

namespace {

struct Judge {
  const Facts& facts;
  Judgement& judgement;

  Finding& add(std::string_view id, std::string message, std::string fix, std::string key) {
    judgement.findings.push_back(
        make_finding(kFindings, id, std::move(message), std::move(fix), {.file = {}, .key = std::move(key)}));
    return judgement.findings.back();
  }
};

constexpr std::string_view kLogFix = "see its log (`journalctl -u UNIT`), and repair what it names";

void judge_readiness(Judge& judge, const AnswerFacts& answer) {
  const std::string words = answer_words(answer);
  if (answer.status == 0) {
    judge.add("not-answering", std::format("{} at {}", words, judge.facts.standing.running->url),
              "start the service, or correct `audit: url:`", "audit.url");
    return;
  }
  if (!is_2xx(answer)) {
    judge.add("not-ready", words + "; expected 2xx", std::string(kLogFix), "service.readiness");
  } else if (const std::string denial = body_denies(answer.body); !denial.empty()) {
    judge.add("not-ready", std::format("{}; {}, with the status of a success", words, denial),
              std::string(kLogFix), "service.readiness");
  }
}

void judge_label(Judge& judge, const AnswerFacts& answer, const std::string& label) {
  if (answer.body.size() < answer.body_bytes) {
    judge.judgement.undecided =
        std::format("the answer to the prediction is {}, too long to look for the label `{}`",
                    format_bytes(answer.body_bytes), label);
    return;
  }
  const bool in_no_json = !answer.not_json.empty() && answer.body.contains(std::format("\"{}\"", label));
  if (!in_no_json && !std::ranges::contains(body_texts(answer.body, true), label)) {
    judge.add("wrong-label",
              std::format("{}; expected the label `{}` as one of its texts", answer_words(answer), label),
              "restart the service if its model was replaced, or correct `service: predict: label:`",
              "service.predict");
  }
}

void judge_prediction(Judge& judge, const AnswerFacts& answer) {
  const std::string denial = is_2xx(answer) ? prediction_denies(answer.body) : std::string();
  if (!is_2xx(answer)) {
    judge.add("prediction-fails", answer_words(answer) + "; expected 2xx", std::string(kLogFix),
              "service.predict");
  } else if (!denial.empty()) {
    judge.add("prediction-fails",
              std::format("{}; {}, with the status of a success", answer_words(answer), denial),
              std::string(kLogFix), "service.predict");
  } else if (judge.facts.service && judge.facts.service->predict &&
             !judge.facts.service->predict->label.empty()) {
    judge_label(judge, answer, judge.facts.service->predict->label);
  }
}

void judge_answers(Judge& judge) {
  const Observed<RunningFacts>& running = judge.facts.standing.running;
  if (!running) {
    if (running.absence->kind != AbsenceKind::not_requested) {
      judge.judgement.undecided = absence_text("the running service", *running.absence);
    }
    return;
  }
  judge.judgement.saw("service", running->url);
  for (const AnswerFacts& answer : running->answers) {
    judge.judgement.saw(std::string(enum_name(answer.asked_for)),
                        std::format("{} in {}", answer_words(answer), format_duration(answer.took)));
  }
  const auto find = [&](AskedFor what) {
    const auto found = std::ranges::find(running->answers, what, &AnswerFacts::asked_for);
    return found == running->answers.end() ? nullptr : &*found;
  };
  const AnswerFacts* readiness = find(AskedFor::readiness);
  const AnswerFacts* prediction = find(AskedFor::predict);
  if (readiness != nullptr) {
    judge_readiness(judge, *readiness);
  }
  if (prediction != nullptr && (readiness == nullptr || readiness->status != 0)) {
    judge_prediction(judge, *prediction);
  }
  if (readiness == nullptr && prediction == nullptr) {
    judge.judgement.undecided = std::format(
        "{} has none of the usual readiness paths, and no prediction is recorded; give `service: "
        "readiness:` or `predict:`",
        running->url);
  }
}

void judge_unit(Judge& judge) {
  const Observed<UnitFacts>& unit = judge.facts.standing.unit;
  if (!unit) {
    if (unit.absence->kind != AbsenceKind::not_requested && !judge.judgement.undecided) {
      judge.judgement.undecided = absence_text(std::format("the unit of the service"), *unit.absence);
    }
    return;
  }
  judge.judgement.saw("unit", std::format("{}: {} ({})", unit->name, unit->active, unit->sub));
  if (unit->active != "active" && unit->active != "reloading") {
    judge.add("unit-not-active",
              std::format("`{}` is {} ({}); expected active", unit->name, unit->active, unit->sub),
              std::format("see `systemctl status {}`", unit->name), "audit.unit");
  }
  if (unit->restarts > 0) {
    judge.add("unit-restarts",
              std::format("systemd restarted `{}` {} since it was started", unit->name,
                          count_of(unit->restarts, "time", "times")),
              std::format("see why in `journalctl -u {}`; `systemctl restart` or `reset-failed` clears the "
                          "count",
                          unit->name),
              "audit.unit");
  }
}

}  // namespace

Judgement judge(const Facts& facts, const NoOptions&) {
  const StandingFacts& standing = facts.standing;
  const auto is_unasked = [](const auto& observed) {
    return !observed && observed.absence->kind == AbsenceKind::not_requested;
  };
  if (is_unasked(standing.running) && is_unasked(standing.unit)) {
    return Judgement::skip("the config names no running service (`audit: url:`, `audit: unit:`)");
  }
  Judgement judgement;
  Judge judge{facts, judgement};
  judge_answers(judge);
  judge_unit(judge);
  return judgement;
}

extern const CheckInfo kCheck;
const CheckInfo kCheck = define_check<NoOptions, judge>("running-service", kFindings, {.standing = true});

}  // namespace runup::checks::running_service
