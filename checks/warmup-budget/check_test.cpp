// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "check/percentile.h"
#include "facts_builder.h"

using namespace runup;
using namespace runup::testing;

namespace {

constexpr std::string_view kId = "warmup-budget";
const Json kRoomy{{"load", 10}, {"first", 5}, {"p95", 2}};

ExperimentFacts& answer_of(Facts& facts, ExperimentKind kind) {
  auto& experiments = facts.runtimes.front().value->experiments;
  return *std::ranges::find_if(experiments,
                               [&](const ExperimentFacts& answer) { return answer.asked.kind == kind; });
}

std::vector<Duration> milliseconds(const std::vector<std::int64_t>& values) {
  std::vector<Duration> out;
  for (const std::int64_t value : values) {
    out.push_back(Duration::from_milliseconds(value));
  }
  return out;
}

// Warm calls in milliseconds, after three calls of warm-up.
Facts with_calls(const std::vector<std::int64_t>& warm, std::int64_t cold = 10) {
  Facts facts = sign_facts();
  ask_runtime(facts, kId, {{"runs", warm.size()}});
  std::vector<std::int64_t> all(3, cold);
  all.insert(all.end(), warm.begin(), warm.end());
  answer_of(facts, ExperimentKind::latency).calls = milliseconds(all);
  return facts;
}

}  // namespace

TEST_CASE("warmup-budget: figures far within their budgets pass without findings") {
  const Outcome outcome = run_check(kId, sign_facts(), kRoomy);
  CHECK(outcome.status == Status::passed);
  CHECK(outcome.findings.empty());
  CHECK(evidence_of(outcome, "load") == "81.0 ms of 10.0 s");
  CHECK(evidence_of(outcome, "model file in the page cache") == "100 %");
  CHECK(evidence_of(outcome, "peak memory") == "300 MiB");
  CHECK(evidence_of(outcome, "measured with") == "libtorch 2.6.0 on `cpu`, 1 thread");
  CHECK(evidence_of(outcome, "intervals").starts_with("load 80.0 ms to 82.0 ms, 3 measured; "));
}

TEST_CASE("warmup-budget: asks for one latency and one cold-start experiment") {
  const auto asked =
      built_in_check(kId).plan(sign_facts().model, {{"runs", 5}, {"warmup", 2}, {"processes", 4}});
  REQUIRE(asked.size() == 2);
  CHECK(asked[0].kind == ExperimentKind::latency);
  CHECK(asked[0].count == 7);
  CHECK(asked[1].kind == ExperimentKind::cold_start);
  CHECK(asked[1].count == 4);
}

TEST_CASE("warmup-budget/load-over-budget, first-over-budget: medians over the processes") {
  const Outcome outcome = run_check(kId, sign_facts(), {{"load", 0.05}, {"first", 0.01}});
  CHECK(outcome.status == Status::failed);
  CHECK(find_finding(outcome, "load-over-budget").message == "load is 81.0 ms; its budget is 50.0 ms");
  CHECK(find_finding(outcome, "first-over-budget").message ==
        "first inference is 41.0 ms; its budget is 10.0 ms");
  CHECK(find_finding(outcome, "first-over-budget").where.key == "checks.warmup-budget.first");
}

TEST_CASE("warmup-budget/latency-over-budget: each percentile has its own budget") {
  const Facts facts =
      with_calls({10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 50, 50, 50});
  CHECK(run_check(kId, facts, {{"runs", 20}, {"p50", 0.02}}).status == Status::passed);
  const Outcome outcome = run_check(kId, facts, {{"runs", 20}, {"p50", 0.02}, {"p95", 0.02}});
  CHECK(outcome.status == Status::failed);
  CHECK(finding_ids(outcome) == std::vector<std::string>{"latency-over-budget"});
  CHECK(find_finding(outcome, "latency-over-budget").message ==
        "p95 of warm inferences is 50.0 ms; its budget is 20.0 ms");
  CHECK(finding_ids(run_check(kId, facts, {{"runs", 20}, {"p99", 0.02}})) ==
        std::vector<std::string>{"latency-over-budget"});
}

TEST_CASE("warmup-budget: a budget inside the noise is undecided, whichever side the figure is on") {
  // p95 of these is 20 ms, and the interval of its rank reaches to the slowest call.
  const Facts facts =
      with_calls({10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 12, 20, 90});
  for (const double budget : {0.013, 0.05}) {
    const Outcome outcome = run_check(kId, facts, {{"runs", 20}, {"p95", budget}});
    CHECK(outcome.status == Status::undecided);
    CHECK(outcome.reason.starts_with(
        "too noisy to judge: p95 of warm inferences is 20.0 ms (12.0 ms to 90.0 ms with its noise)"));
    CHECK(outcome.reason.contains("raise `runs`"));
  }
  // Far away on either side the noise does not matter.
  CHECK(run_check(kId, facts, {{"runs", 20}, {"p95", 0.1}}).status == Status::passed);
  CHECK(run_check(kId, facts, {{"runs", 20}, {"p95", 0.011}}).status == Status::failed);
}

TEST_CASE("warmup-budget: scattered loads near their budget are undecided") {
  Facts facts = sign_facts();
  std::vector<ColdStartFacts>& starts = answer_of(facts, ExperimentKind::cold_start).cold_starts;
  starts[0].load = Duration::from_milliseconds(900);
  starts[1].load = Duration::from_milliseconds(950);
  starts[2].load = Duration::from_milliseconds(1900);
  const Outcome outcome = run_check(kId, facts, {{"load", 1}});
  CHECK(outcome.status == Status::undecided);
  CHECK(outcome.reason.contains(
      "load is 950 ms (900 ms to 1.90 s with its noise) and the budget is 1.00 s; raise `processes`"));
}

TEST_CASE("warmup-budget: another figure over its budget fails in spite of the noise") {
  const Facts facts =
      with_calls({10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 12, 20, 90});
  const Outcome outcome = run_check(kId, facts, {{"runs", 20}, {"p95", 0.05}, {"load", 0.001}});
  CHECK(outcome.status == Status::failed);
  CHECK(outcome.reason.starts_with("too noisy to judge"));
}

TEST_CASE("warmup-budget/slow-second-call: warm-up that takes more than one call") {
  Facts facts = with_calls(std::vector<std::int64_t>(20, 10), 10);
  answer_of(facts, ExperimentKind::latency).calls[0] = Duration::from_milliseconds(456);
  Json options = kRoomy;
  options["runs"] = 20;
  Outcome outcome = run_check(kId, facts, options);
  CHECK(outcome.status == Status::passed);
  const Finding finding = find_finding(outcome, "slow-second-call");
  CHECK(finding.severity == Severity::note);
  CHECK(finding.message == "1 call after the first inference took up to 456 ms; a warm one takes 10.0 ms");
  CHECK(finding.fix.contains("at least 3 calls"));
  answer_of(facts, ExperimentKind::latency).calls[0] = Duration::from_milliseconds(29);
  CHECK(run_check(kId, facts, options).findings.empty());
  // On a noisy machine warm calls are as slow now and then.
  answer_of(facts, ExperimentKind::latency).calls[0] = Duration::from_milliseconds(456);
  answer_of(facts, ExperimentKind::latency).calls[12] = Duration::from_milliseconds(500);
  CHECK(run_check(kId, facts, options).findings.empty());
}

TEST_CASE("warmup-budget/unbudgeted: measured all the same, and passed with a note") {
  const Outcome outcome = run_check(kId, sign_facts());
  CHECK(outcome.status == Status::passed);
  CHECK(finding_ids(outcome) == std::vector<std::string>{"unbudgeted"});
  CHECK(find_finding(outcome, "unbudgeted").severity == Severity::note);
  CHECK(evidence_of(outcome, "load") == "81.0 ms");
}

TEST_CASE("warmup-budget: what was not measured is undecided") {
  Facts facts = sign_facts();
  lose_runtime(facts, {.kind = AbsenceKind::missing, .detail = "`runup-probe-torch` is not installed"});
  CHECK(run_check(kId, facts, kRoomy).reason ==
        "the model's run could not be observed: `runup-probe-torch` is not installed");

  facts = sign_facts();
  answer_of(facts, ExperimentKind::cold_start).absence =
      Absence{.kind = AbsenceKind::timed_out, .detail = "no answer within 60 s"};
  CHECK(run_check(kId, facts, kRoomy).status == Status::undecided);
  CHECK(run_check(kId, facts, kRoomy).reason.contains("no answer within 60 s"));
  // What was measured still counts against its budget.
  CHECK(run_check(kId, facts, {{"p95", 0.001}}).status == Status::failed);

  facts = sign_facts();
  answer_of(facts, ExperimentKind::latency).error = "RuntimeError: expected 147 channels";
  CHECK(run_check(kId, facts, kRoomy).reason.contains("see `inference`"));

  facts = sign_facts();
  std::erase_if(facts.runtimes.front().value->experiments,
                [](const ExperimentFacts& answer) { return answer.asked.kind == ExperimentKind::latency; });
  CHECK(run_check(kId, facts, kRoomy).status == Status::undecided);

  facts = sign_facts();
  answer_of(facts, ExperimentKind::latency).calls.clear();
  CHECK(run_check(kId, facts, kRoomy).status == Status::undecided);

  facts = sign_facts();
  facts.runtimes.front().value->load.stage = LoadStage::state_dict;
  CHECK(run_check(kId, facts, kRoomy).reason ==
        "blocked: libtorch 2.6.0 on `cpu` could not load the model; see `inference`");

  facts = sign_facts();
  facts.model.inputs.clear();
  CHECK(built_in_check(kId).plan(facts.model, Json::object()).empty());
  CHECK(run_check(kId, facts, kRoomy).status == Status::undecided);
}

TEST_CASE("warmup-budget: percentiles are those of numpy.percentile(method='inverted_cdf')") {
  // numpy.percentile([...], [50, 95, 99], method="inverted_cdf"), NumPy 2.2
  const auto values = milliseconds({7, 3, 11, 5, 2, 19, 13, 17, 23, 29, 31});
  CHECK(percentile(values, 50).value == Duration::from_milliseconds(13));
  CHECK(percentile(values, 95).value == Duration::from_milliseconds(31));
  CHECK(percentile(values, 10).value == Duration::from_milliseconds(3));
  CHECK(percentile(milliseconds({4, 1, 3, 2}), 50).value == Duration::from_milliseconds(2));
}

TEST_CASE("warmup-budget: intervals of ranks, and what they decide") {
  // n = 100, p = 0.5: rank 50, sqrt(100 * 0.25) = 5, so ranks 45 to 55.
  std::vector<std::int64_t> ramp;
  for (std::int64_t i = 1; i <= 100; ++i) {
    ramp.push_back(i);
  }
  const Figure figure = percentile(milliseconds(ramp), 50);
  CHECK(figure.low == Duration::from_milliseconds(45));
  CHECK(figure.high == Duration::from_milliseconds(55));
  CHECK(compare(figure, Duration::from_milliseconds(55)) == Standing::within);
  CHECK(compare(figure, Duration::from_milliseconds(54)) == Standing::noisy);
  CHECK(compare(figure, Duration::from_milliseconds(45)) == Standing::noisy);
  CHECK(compare(figure, Duration::from_milliseconds(44)) == Standing::over);
  // One measurement shows no scatter, so it decides only from afar.
  const Figure single = percentile(milliseconds({100}), 50);
  CHECK(compare(single, Duration::from_milliseconds(200)) == Standing::within);
  CHECK(compare(single, Duration::from_milliseconds(150)) == Standing::noisy);
  CHECK(compare(single, Duration::from_milliseconds(49)) == Standing::over);
}
