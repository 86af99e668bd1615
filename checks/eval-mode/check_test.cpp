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
    if (!answer.asked.gradients && answer.asked.repetition == repetition &&
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
  REQUIRE(all.size() == 5);
  CHECK(all[1].repetition == 1);
  CHECK(all[2].gradients);
  CHECK(all[3].axes.at("batch") == 1);
  CHECK(all[4].axes.at("batch") == 2);
  model.axes["batch"].range.clear();
  CHECK(asked(model).size() == 3);
  model.inputs.clear();
  CHECK(asked(model).front().fill == Fill::sample);
  model.samples.clear();
  CHECK(asked(model).empty());
}

TEST_CASE(
    "eval-mode/gradient-dependent: another path for inference; one that cannot record them is no finding") {
  Facts facts = steady();
  ExperimentFacts* trained = nullptr;
  for (ExperimentFacts& answer : facts.runtimes.front().value->experiments) {
    trained = answer.asked.gradients ? &answer : trained;
  }
  REQUIRE(trained != nullptr);
  trained->outputs = {output_of({1, 3}, {1, 2, 3.00001}, "rounding")};
  CHECK(finding_ids(run_check(kId, facts)).empty());
  trained->outputs = {output_of({1, 3}, {1, 2, 3.03}, "half precision")};
  CHECK(find_finding(run_check(kId, facts), "gradient-dependent").severity == Severity::note);
  trained->outputs = {output_of({1, 3}, {1, 2, 4}, "other")};
  const Outcome outcome = run_check(kId, facts);
  CHECK(finding_ids(outcome) == Words{"gradient-dependent"});
  CHECK(find_finding(outcome, "gradient-dependent").severity == Severity::warning);
  CHECK(find_finding(outcome, "gradient-dependent")
            .message.contains("`output[0]` differs by 0.25 of its size"));
  trained->outputs.clear();
  trained->error = "a leaf Variable that requires grad is being used in an in-place operation.";
  CHECK(run_check(kId, facts).status == Status::passed);
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

namespace {

// steady(), as a TorchScript archive whose code has this place.
Facts with_remark(CodeRemarkKind kind, std::string module, bool reached = true) {
  Facts facts = steady();
  facts.artifact.value->kind = ArtifactKind::torchscript;
  facts.artifact.value->torchscript = TorchScriptFacts{.has_forward = true, .training_modules = {""}};
  facts.artifact.value->torchscript->remarks.push_back({.kind = kind,
                                                        .file = "code/__torch__.py",
                                                        .line = 9,
                                                        .function = "Net.forward",
                                                        .what = "torch.dropout",
                                                        .text = "x = torch.dropout(y, 0.5, True)",
                                                        .module = std::move(module),
                                                        .reached = reached});
  return facts;
}

}  // namespace

TEST_CASE("eval-mode/training-mode: the graph alone fails, with its places") {
  Facts facts = with_remark(CodeRemarkKind::training_dropout, "encoder.drop");
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::failed);
  const Finding finding = find_finding(outcome, "training-mode");
  CHECK(finding.message ==
        "dropout or batch norm is as in training in 1 place of the graph; expected none: `encoder.drop`, "
        "code/__torch__.py:9");
  CHECK(finding.where.line == 9);
  // No module that holds it is in training mode.
  CHECK(finding.fix.contains("pass `training=self.training`"));
  facts.artifact.value->torchscript->training_modules = {"encoder.drop"};
  CHECK(find_finding(run_check(kId, facts), "training-mode").fix.contains("model.eval()"));
  // Behaviour and graph are both told.
  answer_to(facts, 1, 1).outputs = {output_of({1, 3}, {0, 2, 6}, "other")};
  CHECK(finding_ids(run_check(kId, facts)) == Words{"training-mode", "not-repeatable"});
  facts.runtimes.clear();
  CHECK(run_check(kId, facts).status == Status::failed);
  CHECK(run_check(kId, with_remark(CodeRemarkKind::training_batch_norm, "")).status == Status::failed);
}

TEST_CASE("eval-mode: a long list of places is counted") {
  Facts facts = with_remark(CodeRemarkKind::training_dropout, "a");
  auto& remarks = facts.artifact.value->torchscript->remarks;
  remarks.resize(30, remarks.front());
  const Finding finding = find_finding(run_check(kId, facts), "training-mode");
  CHECK(finding.evidence.size() == 11);
  CHECK(finding.evidence.back().value == "20 places");
}

TEST_CASE("eval-mode: nodes of an ONNX file as in training fail too") {
  Facts facts = steady();
  facts.artifact.value->kind = ArtifactKind::onnx;
  facts.artifact.value->onnx = OnnxFacts{};
  facts.artifact.value->onnx->remarks.push_back(
      {.kind = OnnxRemarkKind::constant_shape, .op = "Reshape", .node = "r"});
  CHECK(run_check(kId, facts).status == Status::passed);
  facts.artifact.value->onnx->remarks.push_back(
      {.kind = OnnxRemarkKind::training_dropout, .op = "Dropout", .node = "drop_1"});
  CHECK(find_finding(run_check(kId, facts), "training-mode").message.ends_with("node `drop_1`"));
  facts.artifact.value->onnx->remarks.back() = {
      .kind = OnnxRemarkKind::random, .op = "RandomNormal", .node = "n"};
  CHECK(finding_ids(run_check(kId, facts)) == Words{"random-operators"});
}

TEST_CASE("eval-mode/batch-statistics: a warning") {
  const Outcome outcome = run_check(kId, with_remark(CodeRemarkKind::batch_statistics, "norm"));
  CHECK(outcome.status == Status::passed);
  CHECK(finding_ids(outcome) == Words{"batch-statistics"});
}

TEST_CASE("eval-mode/random-operators: a note, and a warning where answers differ") {
  Facts facts = with_remark(CodeRemarkKind::random, "");
  CHECK(run_check(kId, facts).status == Status::passed);
  CHECK(find_finding(run_check(kId, facts), "random-operators").severity == Severity::note);
  answer_to(facts, 1, 1).outputs = {output_of({1, 3}, {0, 2, 6}, "other")};
  CHECK(find_finding(run_check(kId, facts), "random-operators").severity == Severity::warning);
}

TEST_CASE("eval-mode: a training flag, and code that is not reached, are no findings") {
  Facts facts = with_remark(CodeRemarkKind::training_dropout, "", false);
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::passed);
  CHECK(outcome.findings.empty());
  CHECK(evidence_of(outcome, "graph") == "nothing as in training");
  // A clean graph is no behaviour.
  facts.runtimes.clear();
  CHECK(run_check(kId, facts).status == Status::undecided);
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

TEST_CASE("eval-mode: the first witness that loaded the model speaks, and no other one") {
  Facts facts = steady();
  Observed<RuntimeFacts> second = facts.runtimes.front();
  second.value->load.stage = LoadStage::device;
  second.value->experiments.clear();
  facts.runtimes.push_back(second);
  CHECK(run_check(kId, facts).status == Status::passed);

  std::ranges::reverse(facts.runtimes);
  CHECK(run_check(kId, facts).status == Status::passed);

  facts.runtimes.pop_back();
  CHECK(run_check(kId, facts).reason.starts_with("blocked: libtorch 2.6.0"));
}
