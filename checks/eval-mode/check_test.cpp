// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "facts_builder.h"

using namespace runup;
using namespace runup::testing;

namespace {

constexpr std::string_view kId = "eval-mode";
using Words = std::vector<std::string>;

OutputFacts output_of(std::vector<std::int64_t> shape, std::vector<double> numbers, std::string sha256) {
  OutputFacts output{.name = "output[0]", .dtype = "float32", .shape = std::move(shape)};
  output.elements = numbers.size();
  output.min = *std::ranges::min_element(numbers);
  output.max = *std::ranges::max_element(numbers);
  output.first = std::move(numbers);
  output.sha256 = std::move(sha256);
  return output;
}

// A model with a dynamic batch that answers {1, 2, 3} to its first row, whatever else is asked.
Facts steady() {
  Facts facts = sign_facts();
  facts.model.axes["batch"] = {.example = 1, .range = {1, 8}};
  ask_runtime(facts, kId);
  for (ExperimentFacts& answer : facts.runtimes.front().value->experiments) {
    const bool pair = answer.asked.axes.contains("batch") && answer.asked.axes.at("batch") == 2;
    answer.outputs = {pair ? output_of({2, 3}, {1, 2, 3, 7, 8, 9}, "two")
                           : output_of({1, 3}, {1, 2, 3}, "one")};
  }
  return facts;
}

ExperimentFacts& answer_to(Facts& facts, std::uint64_t repetition, std::int64_t batch) {
  for (ExperimentFacts& answer : facts.runtimes.front().value->experiments) {
    const auto own = answer.asked.axes.find("batch");
    if (answer.asked.repetition == repetition &&
        (own == answer.asked.axes.end() ? 1 : own->second) == batch) {
      return answer;
    }
  }
  FAIL("no such answer");
  std::abort();
}

}  // namespace

TEST_CASE("eval-mode: the same answer twice, and alone as in a batch, passes") {
  const Outcome outcome = run_check(kId, steady());
  CHECK(outcome.status == Status::passed);
  CHECK(outcome.findings.empty());
  CHECK(evidence_of(outcome, "same input twice") == "equal bit for bit");
  CHECK(evidence_of(outcome, "alone and in a batch") == "equal");
}

TEST_CASE("eval-mode: asks for two calls, and for a batch only where one may be") {
  const auto asked = [](const ModelDeclaration& model) {
    return built_in_check(kId).plan(model, {{"tolerance", 1e-4}});
  };
  ModelDeclaration model = sign_facts().model;
  model.axes["batch"] = {.example = 4, .range = {1, 8}};
  const auto all = asked(model);
  REQUIRE(all.size() == 4);
  CHECK(all[1].repetition == 1);
  CHECK(all[2].axes.at("batch") == 1);
  CHECK(all[3].axes.at("batch") == 2);
  model.axes["batch"].range.clear();
  CHECK(asked(model).size() == 2);
  model.inputs.clear();
  CHECK(asked(model).front().fill == Fill::sample);
  model.samples.clear();
  CHECK(asked(model).empty());
}

TEST_CASE("eval-mode/not-repeatable: more than rounding, also where the first numbers are equal") {
  Facts facts = steady();
  answer_to(facts, 1, 1).outputs = {output_of({1, 3}, {1, 2, 3.00001}, "other")};
  CHECK(run_check(kId, facts).status == Status::passed);
  CHECK(run_check(kId, facts, {{"tolerance", 0}}).status == Status::failed);
  answer_to(facts, 1, 1).outputs = {output_of({1, 3}, {0, 2, 6}, "other")};
  const Outcome outcome = run_check(kId, facts);
  CHECK(finding_ids(outcome) == Words{"not-repeatable"});
  CHECK(find_finding(outcome, "not-repeatable").message ==
        "the same input twice gives `output[0]` that differs by 1 of its size; expected at most 0.0001. "
        "Dropout is "
        "active, or the model samples");
  answer_to(facts, 1, 1).outputs = {output_of({1, 3}, {1, 2, 3}, "other")};
  answer_to(facts, 1, 1).outputs.front().mean = 1;
  CHECK(run_check(kId, facts).status == Status::failed);
  answer_to(facts, 1, 1).outputs = {output_of({1, 2}, {1, 2}, "other")};
  CHECK(find_finding(run_check(kId, facts), "not-repeatable").message ==
        "the same input twice gives outputs of shape [1, 3] and [1, 2]");
}

TEST_CASE("eval-mode/batch-dependent: the row beside it changes the answer") {
  Facts facts = steady();
  answer_to(facts, 0, 2).outputs = {output_of({2, 3}, {1, 2, 2.7, 7, 8, 9}, "two")};
  const Outcome outcome = run_check(kId, facts);
  CHECK(finding_ids(outcome) == Words{"batch-dependent"});
  CHECK(find_finding(outcome, "batch-dependent").message.contains("differs by 0.1 of its size"));
  // Dynamic quantisation does as much.
  answer_to(facts, 0, 2).outputs = {output_of({2, 3}, {1, 2, 2.97, 7, 8, 9}, "two")};
  CHECK(find_finding(run_check(kId, facts), "batch-dependent").severity == Severity::warning);
  // An output without a row for each input is not compared, and it is said.
  answer_to(facts, 0, 2).outputs = {output_of({5, 4}, {1, 2, 3, 4}, "boxes")};
  CHECK(run_check(kId, facts).status == Status::passed);
  CHECK(evidence_of(run_check(kId, facts), "alone and in a batch").starts_with("not compared"));
}

TEST_CASE("eval-mode: what was not observed is undecided") {
  Facts facts = steady();
  answer_to(facts, 1, 1).outputs.front().nan_count = 1;
  CHECK(run_check(kId, facts).status == Status::undecided);
  facts = steady();
  answer_to(facts, 0, 2).outputs.clear();
  answer_to(facts, 0, 2).error = "RuntimeError: batch must be 1";
  CHECK(run_check(kId, facts).reason ==
        "the inference in a batch of 2 fails: \"RuntimeError: batch must be 1\"");
  facts = steady();
  answer_to(facts, 0, 1).outputs.clear();
  answer_to(facts, 0, 1).absence = Absence{.kind = AbsenceKind::crashed, .detail = "the torch probe crashed"};
  CHECK(run_check(kId, facts).status == Status::undecided);
  facts = steady();
  facts.runtimes.front().value->load.stage = LoadStage::state_dict;
  CHECK(run_check(kId, facts).reason.starts_with("blocked: libtorch 2.6.0"));
  lose_runtime(facts, {.kind = AbsenceKind::missing, .detail = "no probe"});
  CHECK(run_check(kId, facts).status == Status::undecided);
  facts.runtimes.clear();
  CHECK(run_check(kId, facts).status == Status::undecided);
}
