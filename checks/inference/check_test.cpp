// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include <cmath>

#include "base/text.h"
#include "facts_builder.h"

using namespace runup;
using namespace runup::testing;

namespace {

constexpr std::string_view kId = "inference";
using Words = std::vector<std::string>;

RuntimeFacts& runtime_of(Facts& facts) { return *facts.runtimes.front().value; }

ExperimentFacts& answer_of(Facts& facts, Fill fill, std::uint64_t seed = 0) {
  auto& experiments = runtime_of(facts).experiments;
  return *std::ranges::find_if(experiments, [&](const ExperimentFacts& answer) {
    return answer.asked.kind == ExperimentKind::infer && answer.asked.fill == fill &&
           answer.asked.seed == seed;
  });
}

ComparisonFacts& comparison_of(Facts& facts) {
  return *answer_of(facts, Fill::sample).outputs.front().comparison;
}

template <class Change>
void for_each_output(Facts& facts, Change change) {
  for (ExperimentFacts& answer : runtime_of(facts).experiments) {
    for (OutputFacts& output : answer.outputs) {
      change(output);
    }
  }
}

}  // namespace

TEST_CASE("inference: sane outputs and a sample as recorded pass without findings") {
  const Outcome outcome = run_check(kId, sign_facts());
  CHECK(outcome.status == Status::passed);
  CHECK(outcome.findings.empty());
  CHECK(evidence_of(outcome, "inferences") == "5 by libtorch 2.6.0 on `cpu`");
  CHECK(evidence_of(outcome, "output") == "`output[0]` float32 [1, 3]");
  // The first evidence of the sample is the comparison, the second the label.
  CHECK(evidence_of(outcome, "sample 1 (`hello.npy`)") == "as recorded, largest difference 2e-07");
  CHECK(std::ranges::find(outcome.evidence,
                          Evidence{"sample 1 (`hello.npy`)", "predicted `안녕하세요` (0.97)"}) !=
        outcome.evidence.end());
}

TEST_CASE("inference: asks for random inputs, zeros, ones and every sample") {
  ModelDeclaration model = sign_facts().model;
  const auto count = [&](const Json& options) { return built_in_check(kId).plan(model, options).size(); };
  CHECK(count(Json::object()) == 5);
  CHECK(count({{"random", 4}, {"samples", false}}) == 6);
  // Token ids: one may be beyond what the model knows.
  model.inputs.front().dtype = DType::int64;
  model.inputs.front().range = ValueRange{.low = 1, .high = 30522};
  CHECK(count(Json::object()) == 4);
  model.inputs.clear();
  CHECK(count(Json::object()) == 1);
}

TEST_CASE("inference/load-failed: the stage and the runtime's own words") {
  Facts facts = sign_facts();
  runtime_of(facts).load = {.stage = LoadStage::artifact,
                            .error = "[enforce fail at inline_container.cc:113] bad\nframe #0"};
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::failed);
  CHECK(find_finding(outcome, "load-failed").message ==
        "libtorch 2.6.0 could not load the model (stage `artifact`): \"[enforce fail at "
        "inline_container.cc:113] bad\"");
  // When the file is damaged, model-loadable has said so.
  facts.artifact.value->defects.push_back({.kind = DefectKind::truncated, .message = "no central directory"});
  CHECK(run_check(kId, facts).status == Status::undecided);
  CHECK(run_check(kId, facts).reason.starts_with("blocked: `models/sign.pth` is damaged"));
}

TEST_CASE("inference: what only this runtime lacks says nothing of the model") {
  Facts facts = sign_facts();
  runtime_of(facts).load = {
      .stage = LoadStage::artifact, .error = "Unknown builtin op: torchvision::nms", .unsupported = true};
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::undecided);
  CHECK(outcome.findings.empty());
  CHECK(outcome.reason ==
        "libtorch 2.6.0 cannot load this model (\"Unknown builtin op: torchvision::nms\"); the service's own "
        "PyTorch, with what the service imports, may: name the function that loads it in `factory:`");
}

TEST_CASE("inference/architecture-broken: the architecture does not compile") {
  Facts facts = sign_facts();
  runtime_of(facts).load = {.stage = LoadStage::architecture, .error = "undefined value conv3d"};
  CHECK(find_finding(run_check(kId, facts), "architecture-broken").message ==
        "libtorch 2.6.0 cannot build `architectures/sign.py`: \"undefined value conv3d\"");
  CHECK(find_finding(run_check(kId, facts), "architecture-broken").where.key == "models.sign.architecture");
}

TEST_CASE("inference: weights that do not fit, and an absent device, are other checks' findings") {
  Facts facts = sign_facts();
  runtime_of(facts).load.stage = LoadStage::state_dict;
  runtime_of(facts).load.keys->missing = {"a.weight"};
  Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::undecided);
  CHECK(outcome.reason ==
        "blocked: the weights do not fit the architecture (1 missing, 0 unexpected, 0 of another shape); see "
        "`state-dict-format`");
  // Without a mismatch it is the trial call of the source that failed.
  runtime_of(facts).load.keys->missing.clear();
  runtime_of(facts).load.error = "expected input[1, 153, 300] to have 147 channels";
  CHECK(find_finding(run_check(kId, facts), "refused-input").message ==
        "an inference with an input of shape [1, 300, 147] fails: \"expected input[1, 153, 300] "
        "to have 147 channels\"");
  runtime_of(facts).witness.form = "TorchScript archive filled by state_dict";
  CHECK(finding_ids(run_check(kId, facts)) == Words{"load-failed"});

  runtime_of(facts).load = {.stage = LoadStage::device, .error = "no CUDA"};
  outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::undecided);
  CHECK(outcome.reason.ends_with("see `device-mapping`"));
}

TEST_CASE("inference/refused-input: one finding for each thing that the runtime said") {
  Facts facts = sign_facts();
  for (ExperimentFacts& answer : runtime_of(facts).experiments) {
    answer.outputs.clear();
    answer.error = "RuntimeError: expected input[1, 147, 300] to have 153 channels\nmore";
  }
  answer_of(facts, Fill::sample).error = "RuntimeError: another";
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::failed);
  CHECK(finding_ids(outcome) == Words{"refused-input", "refused-input"});
  CHECK(outcome.findings[0].message ==
        "an inference with random values (seed 1), random values (seed 2), zeros and ones of shape [1, 300, "
        "147] "
        "fails: "
        "\"RuntimeError: expected input[1, 147, 300] to have 153 channels\"");
  CHECK(outcome.findings[1].message ==
        "an inference with sample 1 (`hello.npy`) fails: \"RuntimeError: another\"");
}

TEST_CASE("inference/refused-input: of zeros alone, where random values work, it is a warning") {
  const auto refuse = [](Facts& facts, Fill fill) {
    for (ExperimentFacts& answer : runtime_of(facts).experiments) {
      if (answer.asked.fill == fill) {
        answer.outputs.clear();
        answer.error = "RuntimeError: linalg.inv: the input matrix is singular";
      }
    }
  };
  Facts facts = sign_facts();
  refuse(facts, Fill::zeros);
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::passed);
  CHECK(find_finding(outcome, "refused-input").severity == Severity::warning);
  // A recording that works says nothing of the sizes that are declared.
  refuse(facts, Fill::random);
  CHECK(run_check(kId, facts).status == Status::failed);
  facts = sign_facts();
  refuse(facts, Fill::random);
  CHECK(run_check(kId, facts).status == Status::failed);
}

TEST_CASE("inference: `required: false` accepts no runtime that died") {
  Facts facts = sign_facts();
  for (const AbsenceKind kind : {AbsenceKind::crashed, AbsenceKind::timed_out, AbsenceKind::out_of_memory,
                                 AbsenceKind::garbled, AbsenceKind::refused}) {
    lose_runtime(facts, {.kind = kind, .detail = "the torch probe died"});
    CHECK(run_check(kId, facts, {{"required", false}}).status == Status::undecided);
  }
  lose_runtime(facts, {.kind = AbsenceKind::missing, .detail = "the torch probe is not installed"});
  CHECK(run_check(kId, facts, {{"required", false}}).status == Status::skipped);
}

TEST_CASE(
    "inference/refused-input: the weights that a line reads are shown, and a baked-in device is named") {
  Facts facts = sign_facts();
  runtime_of(facts).load.stage = LoadStage::state_dict;
  runtime_of(facts).witness.form = "state_dict in TorchScript source";
  const TensorFacts& weight = facts.artifact->tensors.front();
  const std::string key = weight.path.substr(weight.path.find('.') + 1);
  runtime_of(facts).load.error =
      "The size of tensor a (3) must match, in `return x + state_dict[\"" + key + "\"] * state_dict[\"no\"]`";
  const Finding shown = find_finding(run_check(kId, facts), "refused-input");
  REQUIRE(shown.evidence.size() == 1);
  CHECK(shown.evidence.front().name == key);
  CHECK(shown.evidence.front().value == shape_text(weight.shape) + " " + weight.dtype);
  CHECK(shown.fix.starts_with("compare the weights' shapes and types"));

  facts = sign_facts();
  for (ExperimentFacts& answer : runtime_of(facts).experiments) {
    answer.outputs.clear();
    answer.error = "Could not run 'aten::empty.memory_format' with arguments from the 'CUDA' backend";
  }
  CHECK(find_finding(run_check(kId, facts), "refused-input")
            .fix.starts_with("script or trace the model again on `cpu`"));
}

TEST_CASE("inference/non-finite: NaN for real inputs is an error, for zeros alone a warning") {
  Facts facts = sign_facts();
  for_each_output(facts, [](OutputFacts& output) {
    output.nan_count = output.elements;
    output.sha256 = "same";
  });
  Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::failed);
  // The same NaN everywhere is one finding, not a constant output too.
  CHECK(finding_ids(outcome) == Words{"non-finite"});
  CHECK(find_finding(outcome, "non-finite").message ==
        "`output[0]` has 3 NaN and 0 infinite of 3 elements for random values (seed 1), random values (seed "
        "2), zeros, ones and 1 "
        "more; expected finite numbers");

  facts = sign_facts();
  answer_of(facts, Fill::zeros).outputs.front().inf_count = 1;
  outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::passed);
  CHECK(find_finding(outcome, "non-finite").severity == Severity::warning);
  answer_of(facts, Fill::random, 2).outputs.front().inf_count = 1;
  CHECK(run_check(kId, facts).status == Status::failed);
}

TEST_CASE("inference/output-absent: nothing came back") {
  Facts facts = sign_facts();
  answer_of(facts, Fill::ones).outputs.clear();
  CHECK(find_finding(run_check(kId, facts), "output-absent").message ==
        "1 of 5 inferences gave no output tensor; expected at least one");
}

TEST_CASE("inference/wrong-shape: the batch axis is lost, or the stated shape is another") {
  Facts facts = sign_facts();
  facts.model.axes["batch"].example = 2;
  facts.model.samples.clear();
  ask_runtime(facts, kId);
  Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::failed);
  CHECK(find_finding(outcome, "wrong-shape").message ==
        "`output[0]` is [1, 3] for random values (seed 1), random values (seed 2), zeros and ones; expected "
        "[batch, ...]");

  CHECK(run_check(kId, sign_facts(), {{"output_shape", {"batch", 3}}}).status == Status::passed);
  CHECK(find_finding(run_check(kId, sign_facts(), {{"output_shape", {"batch", 4}}}), "wrong-shape")
            .message.ends_with("expected [batch, 4]"));
  CHECK(run_check(kId, sign_facts(), {{"output_shape", {"batch"}}}).status == Status::failed);

  facts = sign_facts();
  for_each_output(facts, [](OutputFacts& output) {
    output.shape = {1, 0};
    output.elements = 0;
  });
  CHECK(
      find_finding(run_check(kId, facts), "wrong-shape").message.ends_with("expected at least one element"));
  CHECK(run_check(kId, facts).status == Status::failed);

  // A detector that sees nothing in noise.
  facts.model.labels = LabelsDeclaration{.from = LabelSource::none};
  facts.model.samples.clear();
  ask_runtime(facts, kId);
  for_each_output(facts, [](OutputFacts& output) {
    output.shape = {0, 4};
    output.elements = 0;
  });
  outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::passed);
  CHECK(find_finding(outcome, "wrong-shape").severity == Severity::warning);
}

TEST_CASE("inference/constant-output: the same answer whatever the input") {
  Facts facts = sign_facts();
  for_each_output(facts, [](OutputFacts& output) { output = logits({0.5, 0.25, 0.75}, "same"); });
  facts.model.samples.clear();
  Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::failed);
  CHECK(find_finding(outcome, "constant-output")
            .message.starts_with("4 different inputs (random values (seed 1), random values (seed 2), zeros "
                                 "and ones) give the same `output[0]`, 0.25 to 0.75"));

  // Rounding is no dependence on the input; a real difference, however small beside the values, is.
  double shift = 0;
  for_each_output(facts, [&](OutputFacts& output) {
    output = logits({0.5, 0.25, 0.75 + shift}, std::to_string(shift));
    shift += 1e-9;
  });
  CHECK(finding_ids(run_check(kId, facts)) == Words{"constant-output"});
  for_each_output(facts, [&](OutputFacts& output) {
    output = logits({0.5, 0.25, 0.75 + shift}, std::to_string(shift));
    shift += 1e-5;
  });
  CHECK(run_check(kId, facts).findings.empty());

  for_each_output(facts, [](OutputFacts& output) { output = logits({0, 1, 0}, "same"); });
  CHECK(find_finding(run_check(kId, facts), "constant-output").severity == Severity::warning);
  for_each_output(facts, [](OutputFacts& output) { output = logits({0, 0, 0}, "same"); });
  CHECK(find_finding(run_check(kId, facts), "constant-output").severity == Severity::error);

  for_each_output(facts, [](OutputFacts& output) { output = logits({1}, "same"); });
  facts.model.labels = LabelsDeclaration{.from = LabelSource::none};
  CHECK(find_finding(run_check(kId, facts), "constant-output").severity == Severity::warning);
}

TEST_CASE("inference: few possible inputs, and answers that are classes, may well be equal") {
  Facts facts = sign_facts();
  facts.model.inputs = {{.name = "flag", .dtype = DType::boolean, .shape = {{.axis = "batch"}}}};
  facts.model.samples.clear();
  ask_runtime(facts, kId);
  for (const std::uint64_t seed : {1U, 2U}) {
    answer_of(facts, Fill::random, seed).outputs.front() = logits({1, 2, 3}, "same");
  }
  CHECK(run_check(kId, facts).findings.empty());

  facts = sign_facts();
  facts.model.samples.clear();
  for_each_output(facts, [](OutputFacts& output) {
    output.dtype = "int64";
    output.sha256 = "same";
  });
  CHECK(run_check(kId, facts).findings.empty());
}

TEST_CASE("inference/sample-mismatch: the worst element and the tolerance that would pass") {
  Facts facts = sign_facts();
  comparison_of(facts) = {.same_shape = true,
                          .expected_shape = {1, 3},
                          .max_abs = 0.13,
                          .worst_index = {0, 2},
                          .worst_actual = 2.6,
                          .worst_expected = 2.47,
                          .beyond_tolerance = 2,
                          .passing_rtol = 0.0526,
                          .rtol = 1e-3,
                          .atol = 1e-5};
  Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::failed);
  CHECK(find_finding(outcome, "sample-mismatch").message ==
        "sample 1 (`hello.npy`) gives 2 of 3 elements beyond tolerance (rtol 0.001, atol 1e-05); the worst "
        "is 2.6 at [0, 2], 2.47 was "
        "recorded; rtol 0.053 would pass");
  CHECK(find_finding(outcome, "sample-mismatch").where.file == "samples/hello.out.npy");

  comparison_of(facts) = {.same_shape = false, .expected_shape = {1, 4}};
  CHECK(find_finding(run_check(kId, facts), "sample-mismatch").message ==
        "sample 1 (`hello.npy`) gives `output[0]` of shape [1, 3]; the recorded output has [1, 4]");

  answer_of(facts, Fill::sample).outputs.front().comparison.reset();
  CHECK(run_check(kId, facts).status == Status::undecided);
}

TEST_CASE("inference/wrong-label: the predicted name beside the expected one") {
  Facts facts = sign_facts();
  facts.model.samples.front().label = "감사합니다";
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::failed);
  CHECK(find_finding(outcome, "wrong-label").message ==
        "sample 1 (`hello.npy`) is predicted as `안녕하세요` (0.97); expected `감사합니다`");
}

TEST_CASE("inference/unknown-label: no class has the expected name") {
  Facts facts = sign_facts();
  facts.model.samples.front().label = "안녕하세";
  CHECK(find_finding(run_check(kId, facts), "unknown-label").message ==
        "sample 1 (`hello.npy`) expects `안녕하세`, which is none of the 3 classes of `label_encoder`; did "
        "you mean `안녕하세요`?");
}

TEST_CASE("inference: a label that cannot be named is undecided") {
  Facts facts = sign_facts();
  facts.artifact.value->label_lists.front().classes.push_back("잘 지내");
  Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::undecided);
  CHECK(outcome.reason ==
        "blocked: sample 1 (`hello.npy`) expects `안녕하세요`: the output cannot be named while 4 classes "
        "meet 3 outputs; see "
        "`label-encoder`");
  facts.artifact.value->label_lists.clear();
  facts.artifact.value->objects.clear();
  CHECK(run_check(kId, facts).status == Status::undecided);
}

TEST_CASE("inference/architecture-unverified: a note, until a recorded output agrees") {
  Facts facts = sign_facts();
  runtime_of(facts).witness.architecture_unverified = true;
  CHECK(run_check(kId, facts).findings.empty());
  facts.model.samples.front().output.clear();
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::passed);
  CHECK(finding_ids(outcome) == Words{"architecture-unverified"});
  CHECK(find_finding(outcome, "architecture-unverified").severity == Severity::note);
}

TEST_CASE("inference: weights without code are undecided, and the reason says what to give") {
  Facts facts = sign_facts();
  facts.model.architecture.clear();
  lose_runtime(facts, {.kind = AbsenceKind::blocked, .detail = "no architecture"});
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::undecided);
  CHECK(outcome.reason ==
        "`models/sign.pth` holds weights without code, so nothing could be run; name in `factory:` the "
        "service's "
        "function that loads it, or in `architecture:` the TorchScript source or archive that they fill");
  facts.runtimes.clear();
  CHECK(run_check(kId, facts).reason == outcome.reason);
  Facts tried = sign_facts();
  tried.model.architecture.clear();
  runtime_of(tried).load = {.stage = LoadStage::architecture, .error = "`architecture:` is not given"};
  CHECK(run_check(kId, tried).status == Status::undecided);
  CHECK(run_check(kId, tried).reason == outcome.reason);
}

TEST_CASE("inference: `required: false` accepts a model that nothing ran, and says so") {
  Facts facts = sign_facts();
  facts.model.architecture.clear();
  facts.runtimes.clear();
  const Outcome outcome = run_check(kId, facts, {{"required", false}});
  CHECK(outcome.status == Status::skipped);
  CHECK(outcome.reason.starts_with(
      "no witness ran an inference, which `required: false` accepts: `models/sign.pth` holds weights"));
  // It accepts no wrong answers.
  Facts bad = sign_facts();
  bad.model.samples.front().label = "감사합니다";
  CHECK(run_check(kId, bad, {{"required", false}}).status == Status::failed);
}

TEST_CASE("inference: what was not observed is undecided") {
  Facts facts = sign_facts();
  lose_runtime(facts, {.kind = AbsenceKind::crashed, .detail = "the torch probe crashed (signal 11)"});
  CHECK(run_check(kId, facts).status == Status::undecided);
  CHECK(run_check(kId, facts).reason ==
        "the model's run could not be observed: the torch probe crashed (signal 11)");

  facts = sign_facts();
  answer_of(facts, Fill::ones).absence =
      Absence{.kind = AbsenceKind::crashed, .detail = "the torch probe crashed (signal 11)"};
  CHECK(run_check(kId, facts).status == Status::undecided);
  CHECK(run_check(kId, facts).reason ==
        "the inference of ones could not be observed: the torch probe crashed (signal 11)");

  facts = sign_facts();
  runtime_of(facts).experiments.clear();
  CHECK(run_check(kId, facts).status == Status::undecided);

  facts = sign_facts();
  facts.model.inputs.clear();
  facts.model.samples.clear();
  runtime_of(facts).experiments.clear();
  CHECK(run_check(kId, facts).reason ==
        "nothing says what the model is called with; give `inputs:` (name, dtype and shape) or `samples:`");

  facts = sign_facts();
  facts.artifact =
      Observed<ArtifactFacts>::none({.kind = AbsenceKind::blocked, .detail = "the model file is not there"});
  lose_runtime(facts, {.kind = AbsenceKind::blocked, .detail = "the model file is not there"});
  CHECK(run_check(kId, facts).status == Status::undecided);
}

TEST_CASE("inference: a second witness that could not run does not hide the first one's answers") {
  Facts facts = sign_facts();
  facts.runtimes.push_back(
      Observed<RuntimeFacts>::none({.kind = AbsenceKind::missing, .detail = "not installed"}));
  CHECK(run_check(kId, facts).status == Status::passed);
}

TEST_CASE("inference/witnesses-differ: the service's own runtime is heard, the second one agrees or not") {
  Facts facts = predictor_facts_of_sign();
  const Experiment asked = facts.runtimes[0]->experiments.front().asked;
  OutputPairFacts pair{.reference = "output[0]", .candidate = "output[0]"};
  pair.comparison = {.same_shape = true, .max_abs = 1e-7};
  facts.witness_parity = ParityFacts{.candidate = 1, .answers = {{.asked = asked, .outputs = {pair}}}};
  Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::passed);
  CHECK(outcome.findings.empty());
  CHECK(evidence_of(outcome, "libtorch 2.6.0 on `cpu`") == "1 of 1 answers agree, largest difference 1e-07");
  CHECK(evidence_of(outcome, "inferences").ends_with("by torch 2.6.0+cpu on `cpu`"));

  facts.witness_parity->answers[0].outputs[0].comparison = {
      .same_shape = true, .max_abs = 0.5, .beyond_tolerance = 3};
  outcome = run_check(kId, facts);
  CHECK(find_finding(outcome, "witnesses-differ").severity == Severity::warning);
  CHECK(find_finding(outcome, "witnesses-differ").fix.starts_with("correct `architectures/sign.py`"));
  // What `predict` returns has a form of its own.
  python_of(facts).member = ".predict";
  CHECK(run_check(kId, facts).findings.empty());
}

TEST_CASE("inference: a predictor that could not be made blocks, whatever another runtime says") {
  Facts facts = predictor_facts_of_sign();
  facts.runtimes[0].value->load.stage = LoadStage::artifact;
  python_of(facts).stage = FactoryStage::factory;
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::undecided);
  CHECK(outcome.reason == "blocked: the service's own predictor could not be made; see `predictor-load`");
}

namespace {

// The model file by the service's interpreter, without a factory, and by libtorch.
Facts file_facts() {
  Facts facts = predictor_facts_of_sign();
  facts.model.factory.clear();
  return facts;
}

}  // namespace

TEST_CASE("inference: without a factory the service's interpreter is a witness like any other") {
  Facts facts = file_facts();
  CHECK(run_check(kId, facts).status == Status::passed);

  // Its refusal is heard, once.
  facts.runtimes[0].value->load.stage = LoadStage::artifact;
  facts.runtimes[0].value->load.error = "it is too new";
  facts.runtimes[1].value->load.stage = LoadStage::artifact;
  Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::failed);
  CHECK(finding_ids(outcome) == std::vector<std::string>{"load-failed"});
  CHECK(find_finding(outcome, "load-failed").message.contains("it is too new"));
}

TEST_CASE(
    "inference: an interpreter without the library leaves the word to libtorch, one that died does not") {
  Facts facts = file_facts();
  facts.runtimes[0] =
      Observed<RuntimeFacts>::none({.kind = AbsenceKind::missing, .detail = "it cannot import `torch`"});
  CHECK(run_check(kId, facts).status == Status::passed);

  facts.runtimes[0] = Observed<RuntimeFacts>::none(
      {.kind = AbsenceKind::crashed, .detail = "the python probe died of SIGSEGV"});
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::undecided);
  CHECK(outcome.reason.contains("SIGSEGV"));
}

TEST_CASE("inference/witnesses-differ: two releases without a factory share their architecture") {
  Facts facts = file_facts();
  const Experiment asked = facts.runtimes[0]->experiments.front().asked;
  OutputPairFacts pair{.reference = "output[0]", .candidate = "output[0]"};
  pair.comparison = {.same_shape = true, .max_abs = 0.5, .beyond_tolerance = 3};
  facts.witness_parity = ParityFacts{.candidate = 1, .answers = {{.asked = asked, .outputs = {pair}}}};
  CHECK(find_finding(run_check(kId, facts), "witnesses-differ").fix.starts_with("find out which"));
}

TEST_CASE("inference/witnesses-differ: a random model differs from itself already") {
  Facts facts = file_facts();
  ask_runtime(facts, "eval-mode");
  RuntimeFacts& first = *facts.runtimes[0].value;
  const auto again =
      std::ranges::find_if(first.experiments, [](const auto& answer) { return answer.asked.repetition > 0; });
  REQUIRE(again != first.experiments.end());
  OutputPairFacts pair{.reference = "output[0]", .candidate = "output[0]"};
  pair.comparison = {.same_shape = true, .max_abs = 0.5, .beyond_tolerance = 3};
  Experiment asked = again->asked;
  asked.repetition = 0;
  facts.witness_parity = ParityFacts{.candidate = 1, .answers = {{.asked = asked, .outputs = {pair}}}};
  CHECK(finding_ids(run_check(kId, facts)) == std::vector<std::string>{"witnesses-differ"});

  again->outputs.front().first.front() += 1;
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.findings.empty());
  CHECK(evidence_of(outcome, "libtorch 2.6.0 on `cpu`").starts_with("not comparable"));
}
