// SPDX-License-Identifier: Apache-2.0
#pragma once

// The facts of the sign-language service as it was started: once healthy, five times with its model file damaged, which
// it tells with 503 and a reason, and once stopped while it loaded. For tests of checks: change one thing and judge.

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "facts_builder.h"

namespace runup::testing {

inline const std::string kServedModel = "/srv/sign/models/sign.pth";

inline Duration seconds(double value) { return Duration::from_seconds(value); }

AnswerFacts json_answer(AskedFor asked_for, std::string path, std::uint32_t status, std::string body,
                        double at, double took = 0.004);

AnswerFacts lost_answer(AskedFor asked_for, std::string path, std::string error, double at);

StopFacts stop_at(StopMoment moment, double took, double patience = 15);

StartFacts healthy_start();

// The model file damaged in this way: the server comes up, says so and answers no prediction.
StartFacts damaged_start(Damage damage);

inline constexpr std::array kDamages{Damage::missing, Damage::truncated, Damage::lfs_pointer, Damage::zeros,
                                     Damage::unreadable};

Facts served_facts();

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
void answer_with(StartFacts& start, AskedFor asked_for, std::uint32_t status, const std::string& body);

// The finding with this id, which must be the outcome's only one.
Finding only_finding(const Outcome& outcome, std::string_view id, Status status = Status::failed);

}  // namespace runup::testing
