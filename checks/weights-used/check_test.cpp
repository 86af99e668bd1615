// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "facts_builder.h"

using namespace runup;
using namespace runup::testing;

namespace {

constexpr std::string_view kId = "weights-used";

WeightParityFacts& weights_of(Facts& facts) { return *facts.predictor_weights.value; }

WeightDifferenceFacts difference_of(const std::string& key) {
  return {.reference = key,
          .candidate = key,
          .shape = {2, 3},
          .elements = 6,
          .differing = 6,
          .max_relative = 2,
          .max_abs = 1,
          .worst_index = {0, 1},
          .worst_reference = 0.5,
          .worst_candidate = -0.5};
}

}  // namespace

TEST_CASE("weights-used: all numbers of the file are in the network") {
  const Outcome outcome = run_check(kId, predictor_facts_of_sign());
  CHECK(outcome.status == Status::passed);
  CHECK(outcome.findings.empty());
  CHECK(evidence_of(outcome, "numbers in the network") == "4 of 4 tensors equal");
}

TEST_CASE("weights-used/other-weights: most differ, or none is there") {
  Facts facts = predictor_facts_of_sign();
  weights_of(facts) = {
      .tensors = 4,
      .by_name = 1,
      .differing = {difference_of("a.weight"), difference_of("b.weight"), difference_of("c.weight")},
      .differing_count = 3};
  Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::failed);
  Finding finding = find_finding(outcome, "other-weights");
  CHECK(finding.message ==
        "the network that `processing.predictor:get_predictor` returns does not hold the weights of "
        "`models/sign.pth`: 3 of 4 tensors have other numbers");
  REQUIRE(finding.evidence.size() == 3);
  CHECK(finding.evidence[0].value == "-0.5 in the network, 0.5 in the file at [0, 1]; 6 of 6 differ");

  weights_of(facts) = {.tensors = 4,
                       .not_comparable = {"a", "b", "c", "d"},
                       .not_comparable_count = 4,
                       .extra = {"dummy.weight", "dummy.bias"},
                       .extra_count = 2};
  finding = find_finding(run_check(kId, facts), "other-weights");
  CHECK(finding.message ==
        "the network that `processing.predictor:get_predictor` returns holds none of the 4 tensors of "
        "`models/sign.pth`; it has others: `dummy.weight` and `dummy.bias`");
  python_of(facts).opened.push_back(
      {.path = "models/old.pth", .absolute = "/srv/sign/models/old.pth", .exists = true});
  CHECK(find_finding(run_check(kId, facts), "other-weights").message.ends_with("; it read `models/old.pth`"));
  // Quantised: nothing of it can be found.
  python_of(facts).quantised = 2;
  outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::undecided);
  CHECK(outcome.reason.contains("not comparable"));
}

TEST_CASE("weights-used/weight-differs: single tensors, unless they are meant to") {
  Facts facts = predictor_facts_of_sign();
  weights_of(facts) = {
      .tensors = 4, .by_name = 3, .differing = {difference_of("head.weight")}, .differing_count = 1};
  const Finding finding = find_finding(run_check(kId, facts), "weight-differs");
  CHECK(finding.severity == Severity::error);
  CHECK(finding.message ==
        "1 of 4 tensors in the network that `processing.predictor:get_predictor` returns has other numbers "
        "than in "
        "`models/sign.pth`: `head.weight`");
  CHECK(run_check(kId, facts, {{"ignore", {"head.*"}}}).findings.empty());
  weights_of(facts).differing[0].certain = false;
  CHECK(find_finding(run_check(kId, facts), "weight-differs").severity == Severity::warning);
}

TEST_CASE("weights-used/never-written, buffer-never-written: what the file does not have") {
  Facts facts = predictor_facts_of_sign();
  weights_of(facts).extra = {"head.weight", "head.bias", "position_ids"};
  weights_of(facts).extra_count = 3;
  python_of(facts).buffers = {"position_ids"};
  const Outcome outcome = run_check(kId, facts);
  CHECK(find_finding(outcome, "never-written").severity == Severity::error);
  CHECK(find_finding(outcome, "never-written")
            .message.starts_with(
                "2 parameters of the network that `processing.predictor:get_predictor` returns are not "
                "in `models/sign.pth`, and have what the code made them with: `head.weight`"));
  CHECK(find_finding(outcome, "buffer-never-written").severity == Severity::note);
  CHECK(run_check(kId, facts, {{"ignore", {"head.*", "position_ids"}}}).findings.empty());
}

TEST_CASE("weights-used/other-file: a session of another file") {
  Facts facts = predictor_facts_of_sign();
  facts.runtimes.front().value->witness.library = "onnxruntime";
  python_of(facts).session_file = "/srv/sign/models/sign.pth";
  CHECK(run_check(kId, facts).status == Status::passed);
  python_of(facts).session_file = "/srv/sign/models/old.onnx";
  CHECK(find_finding(run_check(kId, facts), "other-file").message ==
        "the session was made from `models/old.onnx`; expected `models/sign.pth`");
  python_of(facts).session_file.clear();
  CHECK(run_check(kId, facts).status == Status::undecided);
}

TEST_CASE("weights-used: what was not made or not taken is undecided") {
  CHECK(run_check(kId, sign_facts()).status == Status::skipped);
  Facts facts = predictor_facts_of_sign();
  python_of(facts).no_numbers = "RuntimeError: out of space";
  CHECK(run_check(kId, facts).reason ==
        "the network's numbers could not be taken: RuntimeError: out of space");
  python_of(facts).no_numbers.clear();
  weights_of(facts).not_compared = "the original: it has two state_dicts";
  CHECK(run_check(kId, facts).status == Status::undecided);
  facts.predictor_weights =
      Observed<WeightParityFacts>::none({.kind = AbsenceKind::crashed, .detail = "it died"});
  CHECK(run_check(kId, facts).status == Status::undecided);
  python_of(facts).stage = FactoryStage::factory;
  CHECK(run_check(kId, facts).reason.starts_with("blocked: the predictor could not be made"));
  python_of(facts).stage = FactoryStage::network;
  python_of(facts).words = "a `dict`";
  CHECK(run_check(kId, facts).reason == "no network is found in the predictor: a `dict`");
}

TEST_CASE("weights-used/not-strict: by the sources") {
  Facts facts = predictor_facts_of_sign();
  SourceFacts& source = give_source(facts);
  source.state_dicts = {
      {.strict = "False", .used = true, .place = {.file = "net.py", .line = 4, .function = "build"}}};
  CHECK(finding_ids(run_check(kId, facts)).empty());
  source.state_dicts.front().used = false;
  const Finding finding = find_finding(run_check(kId, facts), "not-strict");
  CHECK(finding.severity == Severity::note);
  CHECK(finding.message.starts_with("`build` loads with `strict=False`"));
  CHECK(finding.where == Location{.file = "net.py", .key = {}, .line = 4});
}
