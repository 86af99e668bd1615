// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include <catch2/catch_test_macros.hpp>

#include "facts_builder.h"

using namespace runup;
using namespace runup::testing;

namespace {

constexpr std::string_view kId = "conversion-parity";
using Words = std::vector<std::string>;

Experiment noise(std::uint64_t seed) {
  return {.kind = ExperimentKind::infer, .fill = Fill::random, .seed = seed};
}

OutputPairFacts equal_pair() {
  return {.reference = "output[0]",
          .candidate = "logits",
          .reference_dtype = "float32",
          .candidate_dtype = "float32",
          .comparison = {.same_shape = true,
                         .expected_shape = {1, 3},
                         .max_abs = 3e-7,
                         .mean_abs = 1e-7,
                         .worst_index = {0, 2},
                         .worst_actual = 2.5000003,
                         .worst_expected = 2.5,
                         .rtol = 1e-3,
                         .atol = 1e-5},
          .rows = 1,
          .rows_agreeing = 1};
}

// A model with an ONNX conversion that gives the same to two inputs, and holds the same numbers.
Facts converted() {
  Facts facts = sign_facts();
  facts.model.conversions = {{.path = "/srv/sign/models/sign.onnx"}};
  Observed<RuntimeFacts> runtime = facts.runtimes.front();
  runtime.value->witness = {.library = "ONNX Runtime", .version = "1.21.0", .device = "cpu"};
  WeightParityFacts weights{.tensors = 4, .by_name = 3, .by_value = 1};
  facts.conversions = {{.artifact = Observed<ArtifactFacts>::seen({.kind = ArtifactKind::onnx}, {}),
                        .runtimes = {std::move(runtime)},
                        .weights = Observed<WeightParityFacts>::seen(std::move(weights), {})}};
  facts.parity = {{.reference = 0,
                   .candidate = 1,
                   .answers = {{.asked = noise(1), .outputs = {equal_pair()}},
                               {.asked = noise(2), .outputs = {equal_pair()}}}}};
  return facts;
}

OutputPairFacts& pair_of(Facts& facts, std::size_t answer = 0) {
  return facts.parity.front().answers.at(answer).outputs.front();
}

WeightDifferenceFacts changed_weight() {
  return {.reference = "classifier.weight",
          .candidate = "onnx::MatMul_7",
          .relation = WeightRelation::transposed,
          .shape = {3, 4},
          .elements = 12,
          .differing = 1,
          .max_relative = 1e-3,
          .max_abs = 5e-4,
          .worst_index = {1, 2},
          .worst_reference = 0.5,
          .worst_candidate = 0.5005};
}

}  // namespace

TEST_CASE("conversion-parity: equal answers and numbers pass, with how near they are") {
  const Outcome outcome = run_check(kId, converted());
  CHECK(outcome.status == Status::passed);
  CHECK(evidence_of(outcome, "`output[0]`") ==
        "2 inputs: largest difference 3e-07, mean 1e-07, rtol 0 passes, top-1 agrees in 2 of 2 rows");
  CHECK(evidence_of(outcome, "numbers of sign.onnx") == "4 of 4 tensors equal");
}

TEST_CASE("conversion-parity: without conversions it does not apply") {
  CHECK(run_check(kId, sign_facts()).status == Status::skipped);
}

TEST_CASE("conversion-parity: a difference names the output, where it is worst, and what would pass") {
  Facts facts = converted();
  OutputPairFacts& pair = pair_of(facts, 1);
  pair.comparison.max_abs = 0.5;
  pair.comparison.worst_actual = 3;
  pair.comparison.beyond_tolerance = 1;
  pair.comparison.passing_rtol = 0.2;
  pair.rows_agreeing = 0;
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::failed);
  const Finding finding = find_finding(outcome, "output-differs");
  CHECK(
      finding.message ==
      "`logits` of `models/sign.onnx` differs from `models/sign.pth`'s with 1 of 2 inputs beyond rtol 0.001 "
      "and atol 1e-05; the worst is 3 instead of 2.5 at [0, 2], with random values (seed 2); rtol 0.2 would "
      "pass; top-1 agrees in 1 of 2 rows");
  CHECK(finding.where.key == "models.sign.conversions[0]");
  CHECK(finding.evidence.size() == 2);
}

TEST_CASE("conversion-parity: NaN on one side is told as such") {
  Facts facts = converted();
  pair_of(facts).comparison.max_abs = std::numeric_limits<double>::infinity();
  pair_of(facts).comparison.beyond_tolerance = 1;
  pair_of(facts).nan_on_one_side = 1;
  CHECK(find_finding(run_check(kId, facts), "output-differs")
            .message.contains("1 element is NaN on one side only"));
}

TEST_CASE("conversion-parity: another class within tolerance is a warning") {
  Facts facts = converted();
  pair_of(facts).rows_agreeing = 0;
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::passed);
  CHECK(finding_ids(outcome) == Words{"top1-differs"});
}

TEST_CASE("conversion-parity: another type is a note") {
  Facts facts = converted();
  for (std::size_t i : {0U, 1U}) {
    pair_of(facts, i).candidate_dtype = "float16";
  }
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::passed);
  CHECK(finding_ids(outcome) == Words{"output-type"});
}

TEST_CASE("conversion-parity: another shape fails") {
  Facts facts = converted();
  pair_of(facts).comparison.same_shape = false;
  CHECK(finding_ids(run_check(kId, facts)) == Words{"output-shape"});
}

TEST_CASE("conversion-parity: outputs without a partner fail, and the way to state them is told") {
  Facts facts = converted();
  facts.parity.front().answers.front() = {
      .asked = noise(1), .only_in_reference = {"logits"}, .only_in_candidate = {"output_0", "output_1"}};
  const Finding finding = find_finding(run_check(kId, facts), "output-names");
  CHECK(finding.message.contains(
      "`models/sign.pth` gives `logits` too, `models/sign.onnx` gives `output_0` and "
      "`output_1` too"));
  CHECK(finding.fix.contains("outputs: {logits: {name: output_0}}"));
}

TEST_CASE("conversion-parity: a changed weight is named, with the outputs' error beside it") {
  Facts facts = converted();
  facts.conversions.front().weights.value->differing = {changed_weight()};
  facts.conversions.front().weights.value->differing_count = 1;
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::failed);
  const Finding finding = find_finding(outcome, "weight-differs");
  CHECK(finding.message ==
        "`models/sign.onnx` holds other numbers for `classifier.weight` (there `onnx::MatMul_7`) than "
        "`models/sign.pth`: 1 of 12 elements differ, the worst by 0.1 % (0.5005 instead of 0.5 at [1, 2])");
  REQUIRE(finding.evidence.size() == 1);
  CHECK(finding.evidence.front().value == "largest difference 3e-07");
}

TEST_CASE("conversion-parity: tensors that are only alike are a warning, many are told at once") {
  Facts facts = converted();
  WeightParityFacts& weights = *facts.conversions.front().weights.value;
  weights.differing = {changed_weight()};
  weights.differing.front().certain = false;
  weights.differing_count = 1;
  CHECK(run_check(kId, facts).status == Status::passed);
  weights.differing.assign(9, changed_weight());
  weights.differing_count = 9;
  weights.tensors = 12;
  weights.explanation = "weights of another training run";
  const Outcome outcome = run_check(kId, facts);
  CHECK(finding_ids(outcome) == Words{"weight-differs"});
  CHECK(outcome.findings.front().message.contains("for 9 of 12 tensors"));
  CHECK(outcome.findings.front().message.ends_with("; weights of another training run"));
}

TEST_CASE("conversion-parity: numbers that cannot be compared are no finding and no pass by themselves") {
  Facts facts = converted();
  facts.conversions.front().weights.value->not_compared = "all of its tensors are quantised";
  CHECK(evidence_of(run_check(kId, facts), "numbers of sign.onnx") ==
        "not compared: all of its tensors are quantised");
  facts.conversions.front().weights =
      Observed<WeightParityFacts>::none({.kind = AbsenceKind::crashed, .detail = "it crashed"});
  CHECK(run_check(kId, facts).status == Status::undecided);
  CHECK(run_check(kId, facts, {{"random", 3}, {"samples", true}, {"weights", false}}).status ==
        Status::passed);
}

TEST_CASE("conversion-parity: what did not run is undecided, and named") {
  Facts facts = converted();
  facts.parity.clear();
  facts.conversions.front().runtimes = {
      Observed<RuntimeFacts>::none({.kind = AbsenceKind::missing, .detail = "the probe is not installed"})};
  Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::undecided);
  CHECK(outcome.reason.contains("models/sign.onnx"));
  facts = converted();
  facts.parity.front().answers.front().outputs.clear();
  facts.parity.front().answers.front().not_compared = "ONNX Runtime refused it: bad shape";
  outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::undecided);
  CHECK(outcome.reason.contains("to random values (seed 1) were not compared: ONNX Runtime refused it"));
  facts = converted();
  facts.model.inputs.clear();
  facts.model.samples.clear();
  CHECK(run_check(kId, facts).reason.starts_with("nothing says what the model is called with"));
}

TEST_CASE("conversion-parity: what differs from the original is not told of the other conversions again") {
  Facts facts = converted();
  facts.model.conversions.push_back({.path = "/srv/sign/models/sign.pt"});
  facts.conversions.push_back(facts.conversions.front());
  ParityFacts again = facts.parity.front();
  again.reference = 1;
  again.candidate = 2;
  pair_of(facts).comparison.beyond_tolerance = 1;
  again.answers.front().outputs.front().comparison.beyond_tolerance = 1;
  facts.parity.push_back(again);
  CHECK(finding_ids(run_check(kId, facts)) == Words{"output-differs"});
  // Two that are near the original need not be near each other.
  pair_of(facts).comparison.beyond_tolerance = 0;
  CHECK(find_finding(run_check(kId, facts), "output-differs")
            .message.contains("differs from `models/sign.onnx`'s"));
}

TEST_CASE("conversion-parity: a pair of which nothing was compared is undecided") {
  Facts facts = converted();
  facts.parity.front().answers.clear();
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::undecided);
  CHECK(outcome.reason.contains("no output of `models/sign.pth` and `models/sign.onnx` was compared"));
}

TEST_CASE("conversion-parity: asks for zeros, ones, noise and samples, where the inputs take them") {
  Facts facts = sign_facts();
  const Json options = {{"random", 2}, {"samples", true}, {"weights", true}};
  CHECK(built_in_check(kId).plan(facts.model, options).size() == 5);
  facts.model.inputs.front().dtype = DType::int64;
  facts.model.inputs.front().range = ValueRange{.low = 1, .high = 9};
  CHECK(built_in_check(kId).plan(facts.model, options).size() == 4);
}
