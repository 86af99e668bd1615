// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "facts_builder.h"

using namespace runup;
using namespace runup::testing;

namespace {

constexpr std::string_view kId = "drift";
constexpr std::int64_t kSecond = 1'000'000'000;
// 2026-11-27T00:00:00Z
constexpr std::int64_t kMidnight = 1'795'737'600 * kSecond;

JudgedFile model_file(std::string sha256, std::int64_t written) {
  return {.model = "sign",
          .path = "/srv/sign/models/sign.pth",
          .sha256 = std::move(sha256),
          .bytes = 100,
          .modified_ns = written,
          .changed_ns = written,
          .inode = 12};
}

Measurement measured(std::string name, std::int64_t low, std::int64_t value, std::int64_t high) {
  return {.model = "sign",
          .name = std::move(name),
          .value = Duration::from_milliseconds(value),
          .low = Duration::from_milliseconds(low),
          .high = Duration::from_milliseconds(high),
          .count = 20,
          .witness = "libtorch 2.6.0 on `cpu`"};
}

// The last ready run was at midnight, of a file that was written an hour before.
Facts after_ready(const JudgedFile& now) {
  Facts facts = sign_facts();
  facts.standing.files = {now};
  PastRunFacts past{.run = 41, .started = "2026-11-27T00:00:00Z"};
  past.files = {model_file("aaaaaaaaaaaaaaaa", kMidnight - 3600 * kSecond)};
  facts.standing.last_ready = Observed<PastRunFacts>::seen(std::move(past), Duration{});
  return facts;
}

Facts& started(Facts& facts, std::int64_t at) {
  facts.standing.unit = Observed<UnitFacts>::seen(
      {.name = "sign.service", .active = "active", .sub = "running", .started_ns = at}, Duration{});
  return facts;
}

const JudgedFile kSame = model_file("aaaaaaaaaaaaaaaa", kMidnight - 3600 * kSecond);

}  // namespace

TEST_CASE("drift: the same file, started after it was written") {
  Facts facts = after_ready(kSame);
  const Outcome outcome = run_check(kId, started(facts, kMidnight - 1800 * kSecond));
  CHECK(outcome.status == Status::passed);
  CHECK(outcome.findings.empty());
  CHECK(evidence_of(outcome, "compared with") == "#41, 2026-11-27T00:00:00Z");
  CHECK(evidence_of(outcome, "unit started") == "2026-11-26 23:30:00 UTC");
}

TEST_CASE("drift: another file, and the process still has the old one") {
  Facts facts = after_ready(model_file("bbbbbbbbbbbbbbbb", kMidnight + 60 * kSecond));
  CHECK(finding_ids(run_check(kId, facts)) == std::vector<std::string>{"file-changed"});
  const Outcome outcome = run_check(kId, started(facts, kMidnight - 1800 * kSecond));
  CHECK(outcome.status == Status::failed);
  CHECK(finding_ids(outcome) == std::vector<std::string>{"stale-process", "file-changed"});
  CHECK(find_finding(outcome, "stale-process").fix == "`systemctl restart sign.service`");
  CHECK(finding_ids(run_check(kId, started(facts, kMidnight + 120 * kSecond))) ==
        std::vector<std::string>{"file-changed"});
}

TEST_CASE("drift: another file moved into place with an old time stamp") {
  JudgedFile moved = model_file("bbbbbbbbbbbbbbbb", kMidnight - 9000 * kSecond);
  moved.changed_ns = kMidnight + 60 * kSecond;
  Facts facts = after_ready(moved);
  CHECK(finding_ids(run_check(kId, started(facts, kMidnight - 1800 * kSecond))) ==
        std::vector<std::string>{"stale-process", "file-changed"});
}

TEST_CASE("drift: the same bytes written again under the process are no stale process") {
  JudgedFile again = model_file("aaaaaaaaaaaaaaaa", kMidnight + 60 * kSecond);
  Facts facts = after_ready(again);
  const Outcome outcome = run_check(kId, started(facts, kMidnight - 1800 * kSecond));
  CHECK(outcome.status == Status::passed);
  CHECK(finding_ids(outcome) == std::vector<std::string>{"file-replaced"});
  // chmod alone
  JudgedFile touched = kSame;
  touched.changed_ns = kMidnight + 60 * kSecond;
  Facts quiet = after_ready(touched);
  CHECK(run_check(kId, started(quiet, kMidnight - 1800 * kSecond)).findings.empty());
}

TEST_CASE("drift: a stale process is seen without a history too") {
  Facts facts = sign_facts();
  facts.standing.files = {model_file("bb", kMidnight)};
  facts.standing.last_ready =
      Observed<PastRunFacts>::none(blocked("no earlier run of this target was ready"));
  const Outcome unseen = run_check(kId, facts);
  CHECK(unseen.status == Status::skipped);
  CHECK(unseen.reason == "no earlier run of this target was ready");
  CHECK(finding_ids(run_check(kId, started(facts, kMidnight - kSecond))) ==
        std::vector<std::string>{"stale-process"});
  CHECK(run_check(kId, started(facts, kMidnight + kSecond)).findings.empty());
}

TEST_CASE("drift: another runtime") {
  Facts facts = after_ready(kSame);
  const WitnessFacts& witness = facts.runtimes.front()->witness;
  const std::string words = witness.library + " " + witness.version;
  facts.standing.last_ready.value->witnesses = {words};
  CHECK(run_check(kId, facts).findings.empty());
  facts.standing.last_ready.value->witnesses = {"torch 1.13.1"};
  CHECK(finding_ids(run_check(kId, facts)) == std::vector<std::string>{"runtime-changed"});
  lose_runtime(facts, {.kind = AbsenceKind::crashed, .detail = "x"});
  CHECK(run_check(kId, facts).findings.empty());
}

TEST_CASE("drift: latencies, beyond the scatter of both") {
  Facts facts = after_ready(kSame);
  auto& before = facts.standing.last_ready.value->measurements;
  before = {measured("p95", 39, 41, 44)};
  facts.standing.measurements = {measured("p95", 60, 63, 70)};
  const Outcome outcome = run_check(kId, facts);
  CHECK(finding_ids(outcome) == std::vector<std::string>{"latency-regressed"});
  CHECK(find_finding(outcome, "latency-regressed")
            .message.starts_with("p95 of warm inferences rose from 41.0 ms to 63.0 ms"));
  CHECK(run_check(kId, facts, {{"latency_factor", 2}}).findings.empty());
  // the intervals touch
  facts.standing.measurements = {measured("p95", 45, 63, 90)};
  CHECK(run_check(kId, facts).findings.empty());
  // of another runtime
  facts.standing.measurements = {measured("p95", 60, 63, 70)};
  before.front().witness = "torch 1.13.1 on `cpu`";
  CHECK(run_check(kId, facts).findings.empty());
}
