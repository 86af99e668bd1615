// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "facts_builder.h"

using namespace runup;
using namespace runup::testing;

namespace {

constexpr std::string_view kId = "weights-health";
using Words = std::vector<std::string>;

TensorFacts& tensor_at(Facts& facts, std::string_view path) {
  for (TensorFacts& tensor : facts.artifact.value->tensors) {
    if (tensor.path == path) {
      return tensor;
    }
  }
  FAIL("no tensor `" << path << "`");
  std::abort();
}

// The facts with one more tensor of the state_dict.
Facts with_tensor(const std::string& key, std::vector<std::int64_t> shape, ValueFacts values) {
  Facts facts = sign_facts();
  add_tensor(*facts.artifact.value, "model_state_dict." + key, std::move(shape));
  facts.artifact.value->tensors.back().values = values;
  return facts;
}

constexpr ValueFacts kZeros{.constant = true};
constexpr ValueFacts kOnes{.min = 1, .max = 1, .constant = true};

}  // namespace

TEST_CASE("weights-health: ordinary numbers pass, and it is said how many there are") {
  const Outcome outcome = run_check(kId, sign_facts());
  CHECK(outcome.status == Status::passed);
  CHECK(outcome.findings.empty());
  CHECK(evidence_of(outcome, "numbers") == "7123 in 4 tensors");
  CHECK(evidence_of(outcome, "range") == "-0.5 to 0.75");
  CHECK(evidence_of(outcome, "dtypes") == "4 float32");
}

TEST_CASE("weights-health/non-finite-weights: counted, and found in a bias too") {
  Facts facts = sign_facts();
  tensor_at(facts, "model_state_dict.classifier.bias").values =
      ValueFacts{.nan_count = 2, .min = 0, .max = 1};
  tensor_at(facts, "model_state_dict.conv1.weight").values =
      ValueFacts{.nan_count = 1, .positive_infinities = 3, .negative_infinities = 4};
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::failed);
  const Finding finding = find_finding(outcome, "non-finite-weights");
  CHECK(finding.message ==
        "2 of 4 tensors have numbers that are not finite: `conv1.weight` and `classifier.bias`");
  CHECK(finding.where.key == "model_state_dict.conv1.weight");
  REQUIRE(finding.evidence.size() == 2);
  CHECK(finding.evidence[0].value == "1 NaN, 3 infinity and 4 -infinity of 7056");
  CHECK(finding.evidence[1].value == "2 NaN of 3");
}

TEST_CASE("weights-health: a mask of zeros and negative infinities is no finding, a weight like it is") {
  constexpr ValueFacts kMask{.negative_infinities = 6};
  CHECK(run_check(kId, with_tensor("attention.causal_mask", {4, 4}, kMask)).findings.empty());
  CHECK(finding_ids(run_check(kId, with_tensor("attention.weight", {4, 4}, kMask))) ==
        Words{"non-finite-weights"});
  CHECK(finding_ids(
            run_check(kId, with_tensor("attention.mask", {4, 4}, {.negative_infinities = 6, .max = 1}))) ==
        Words{"non-finite-weights"});
  CHECK(finding_ids(run_check(kId, with_tensor("attention.mask", {4, 4}, {.nan_count = 1}))) ==
        Words{"non-finite-weights"});
  // Nothing but infinity is no mask, and neither is a statistic.
  CHECK(finding_ids(run_check(kId, with_tensor("attention.mask", {4, 4}, {.negative_infinities = 16}))) ==
        Words{"non-finite-weights"});
  CHECK(finding_ids(run_check(kId, with_tensor("bn.running_mean", {16}, {.negative_infinities = 2}))) ==
        Words{"non-finite-weights"});
}

TEST_CASE("weights-health/negative-variance: of a BatchNorm, not of any number") {
  const Outcome outcome = run_check(kId, with_tensor("bn1.running_var", {16}, {.min = -0.25, .max = 2}));
  CHECK(outcome.status == Status::failed);
  CHECK(finding_ids(outcome) == Words{"negative-variance"});
  CHECK(find_finding(outcome, "negative-variance").evidence.front().value == "-0.25 to 2");
  CHECK(run_check(kId, with_tensor("bn1.running_mean", {16}, {.min = -0.25, .max = 2})).findings.empty());
}

TEST_CASE("weights-health/zero-weights, constant-weights: matrices, not biases") {
  CHECK(run_check(kId, with_tensor("fc.bias", {512}, kZeros)).findings.empty());
  CHECK(run_check(kId, with_tensor("fc.weight", {2, 2}, kZeros)).findings.empty());
  const Outcome zero = run_check(kId, with_tensor("fc.weight", {32, 16}, kZeros));
  CHECK(zero.status == Status::passed);
  CHECK(find_finding(zero, "zero-weights").message == "1 of 5 tensors has nothing but zeros: `fc.weight`");
  CHECK(find_finding(zero, "zero-weights").severity == Severity::warning);
  const Outcome same = run_check(kId, with_tensor("fc.weight", {32, 16}, kOnes));
  CHECK(find_finding(same, "constant-weights").evidence.front().value == "[32, 16], all 1");

  Facts dead = sign_facts();
  for (TensorFacts& tensor : dead.artifact.value->tensors) {
    tensor.values = kZeros;
  }
  CHECK(run_check(kId, dead).status == Status::failed);
}

TEST_CASE("weights-health/untrained-statistics: only when no BatchNorm was ever trained") {
  const auto with_norm = [](ValueFacts mean, ValueFacts variance, double batches) {
    Facts facts = with_tensor("bn.running_mean", {16}, mean);
    ArtifactFacts& artifact = *facts.artifact.value;
    add_tensor(artifact, "model_state_dict.bn.running_var", {16});
    artifact.tensors.back().values = variance;
    add_tensor(artifact, "model_state_dict.bn.num_batches_tracked", {}, "int64");
    artifact.tensors.back().values = ValueFacts{.min = batches, .max = batches, .constant = true};
    return run_check(kId, facts);
  };
  CHECK(finding_ids(with_norm(kZeros, kOnes, 0)) == Words{"untrained-statistics"});
  CHECK(with_norm(kZeros, kOnes, 7).findings.empty());
  CHECK(with_norm({.min = -1, .max = 1}, kOnes, 0).findings.empty());
  CHECK(with_norm(kZeros, {.min = 0.5, .max = 1}, 0).findings.empty());
}

TEST_CASE("weights-health: tensors may be left out by name, and only the chosen state_dict is judged") {
  const Facts facts = with_tensor("adapter.3.lora_B.weight", {32, 16}, kZeros);
  CHECK(run_check(kId, facts, {{"ignore", {"adapter.*.lora_B.weight"}}}).findings.empty());
  CHECK_FALSE(run_check(kId, facts, {{"ignore", {"lora_B.weight"}}}).findings.empty());

  Facts other = sign_facts();
  add_tensor(*other.artifact.value, "optimizer.exp_avg", {32, 16});
  other.artifact.value->tensors.back().values = kZeros;
  CHECK(run_check(kId, other).findings.empty());
}

TEST_CASE("weights-health/half-on-cpu, mixed-dtypes: float16 without a run on a CPU, in every format") {
  for (const ArtifactKind kind : {ArtifactKind::torch_zip, ArtifactKind::torchscript, ArtifactKind::onnx}) {
    Facts facts = sign_facts();
    facts.model.architecture.clear();
    facts.runtimes.clear();
    facts.artifact.value->kind = kind;
    for (TensorFacts& tensor : facts.artifact.value->tensors) {
      tensor.dtype = "float16";
    }
    Outcome outcome = run_check(kId, facts);
    CHECK(outcome.status == Status::passed);
    CHECK(finding_ids(outcome) == Words{"half-on-cpu"});
    CHECK(find_finding(outcome, "half-on-cpu")
              .message.contains("4 of 4 floating-point tensors are float16 and the device is `cpu`: "));
    CHECK(find_finding(outcome, "half-on-cpu")
              .message.contains(kind == ArtifactKind::onnx ? "ONNX Runtime" : "PyTorch before 2.2"));
    facts.model.device = "cuda:0";
    CHECK(run_check(kId, facts).findings.empty());

    facts.artifact.value->tensors[0].dtype = "float32";
    outcome = run_check(kId, facts);
    CHECK(finding_ids(outcome) == Words{"mixed-dtypes"});
    CHECK(find_finding(outcome, "mixed-dtypes").severity == Severity::note);
    CHECK(find_finding(outcome, "mixed-dtypes").message ==
          "the weights have several floating-point types: 3 float16 and 1 float32");
    // One number, or what is not looked at, is no mix.
    facts.artifact.value->tensors[0].elements = 1;
    CHECK(run_check(kId, facts).findings.empty());
    facts.artifact.value->tensors[0].elements = 100;
    CHECK(run_check(kId, facts, {{"ignore", {"*conv1.weight"}}}).findings.empty());
  }
  // A run on the CPU proves that it works there.
  Facts ran = sign_facts();
  for (TensorFacts& tensor : ran.artifact.value->tensors) {
    tensor.dtype = "float16";
  }
  CHECK(run_check(kId, ran).findings.empty());
}

TEST_CASE("weights-health: what was not looked at is undecided") {
  Facts facts = sign_facts();
  tensor_at(facts, "model_state_dict.conv1.weight").values.reset();
  Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::undecided);
  CHECK(outcome.reason == "the numbers of 1 tensor could not be read: `conv1.weight`");
  // A NaN elsewhere is one all the same.
  tensor_at(facts, "model_state_dict.classifier.bias").values->nan_count = 1;
  CHECK(run_check(kId, facts).status == Status::failed);
  // Quantised numbers say nothing alone.
  tensor_at(facts, "model_state_dict.classifier.bias").values->nan_count = 0;
  tensor_at(facts, "model_state_dict.conv1.weight").quantisation = QuantisationFacts{};
  CHECK(run_check(kId, facts).status == Status::passed);

  for (TensorFacts& tensor : facts.artifact.value->tensors) {
    tensor.quantisation = QuantisationFacts{};
    tensor.values.reset();
  }
  CHECK(run_check(kId, facts).reason == "`models/sign.pth` has no tensor whose numbers can be looked at");

  facts = sign_facts();
  facts.artifact.value->defects.push_back({.kind = DefectKind::truncated, .message = "cut"});
  CHECK(run_check(kId, facts).status == Status::undecided);
  facts = sign_facts();
  facts.artifact.value->kind = ArtifactKind::npz;
  CHECK(run_check(kId, facts).status == Status::undecided);
  facts.artifact = Observed<ArtifactFacts>::none({.kind = AbsenceKind::crashed, .detail = "it died"});
  CHECK(run_check(kId, facts).status == Status::undecided);
}
