// SPDX-License-Identifier: Apache-2.0
#include "daemon/target.h"

#include <catch2/catch_test_macros.hpp>

#include "daemon/api.h"

namespace runup {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

AuditResult result(Verdict verdict) {
  return {.target = "sign",
          .verdict = verdict,
          .reason = verdict == Verdict::ready ? "all 5 checks passed" : "1 of 5 checks failed",
          .started = "2026-11-27T00:00:00Z",
          .took = Duration::from_seconds(2),
          .run = 7};
}

TargetState state(Verdict verdict) {
  return {.name = "sign",
          .config = "/etc/runup/sign.yaml",
          .has_plan = true,
          .stale_after = Duration::from_seconds(60),
          .last = result(verdict),
          .last_boot = 1000 * kSecond};
}

Moment seconds_later(std::int64_t seconds) { return {.wall = 0, .boot = (1000 + seconds) * kSecond}; }

TEST_CASE("gate: open while ready and fresh, and for nothing else") {
  CHECK(gate_of(state(Verdict::ready), seconds_later(60)).open);
  const Gate stale = gate_of(state(Verdict::ready), seconds_later(61));
  CHECK_FALSE(stale.open);
  CHECK(stale.reason == "the last audit was 61.0 s ago, and a verdict counts for 60.0 s");
  CHECK_FALSE(gate_of(state(Verdict::not_ready), seconds_later(1)).open);
  CHECK_FALSE(gate_of(state(Verdict::undecided), seconds_later(1)).open);
}

TEST_CASE("gate: nothing audited yet, a bad config, an audit that died") {
  TargetState fresh{.name = "sign", .has_plan = true};
  CHECK(gate_of(fresh, seconds_later(0)).reason == "it was not audited yet");
  CHECK(gate_answer(fresh, seconds_later(0)).verdict == "unknown");
  fresh.audit_problem = "the last audit gave no report: x";
  CHECK(gate_of(fresh, seconds_later(0)).reason == "the last audit gave no report: x");
  fresh.has_plan = false;
  CHECK_FALSE(gate_of(fresh, seconds_later(0)).open);
  // the last verdict stands until it is stale
  TargetState died = state(Verdict::ready);
  died.audit_problem = "the last audit gave no report: x";
  CHECK(gate_of(died, seconds_later(10)).open);
  CHECK_FALSE(gate_of(died, seconds_later(100)).open);
}

TEST_CASE("gate: the answer says why and how old") {
  TargetState bad = state(Verdict::not_ready);
  bad.last->problems = {{.model = "sign", .check = "model-present", .finding = "missing", .message = "gone"}};
  const GateAnswer answer = gate_answer(bad, seconds_later(5));
  CHECK_FALSE(answer.open);
  CHECK(answer.verdict == "not-ready");
  CHECK(answer.age == Duration::from_seconds(5));
  CHECK(answer.run == 7);
  REQUIRE(answer.problems.size() == 1);
}

TEST_CASE("metrics: what a target's name or model may hold is escaped") {
  TargetState odd = state(Verdict::ready);
  odd.last->measurements = {{.model = "a\"b\\c\nd", .name = "p95", .value = Duration::from_milliseconds(41)}};
  const std::string text = metrics_text({&odd}, seconds_later(1), false);
  CHECK(text.contains(
      "runup_model_time_seconds{target=\"sign\",model=\"a\\\"b\\\\c\\nd\",time=\"p95\"} 0.041\n"));
  CHECK(text.contains("runup_gate_open{target=\"sign\"} 1\n"));
  CHECK(text.contains("runup_history_works 0\n"));
}

}  // namespace
}  // namespace runup
