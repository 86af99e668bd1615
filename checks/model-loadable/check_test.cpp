// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "base/text.h"
#include "facts_builder.h"
#include "format_rules.h"

using namespace runup;
using namespace runup::testing;

namespace {

constexpr std::string_view kId = "model-loadable";

ArtifactFacts& artifact_of(Facts& facts) { return *facts.artifact.value; }

Facts with_globals(std::vector<GlobalFacts> globals) {
  Facts facts = sign_facts();
  artifact_of(facts).globals = std::move(globals);
  return facts;
}

Facts with_defect(DefectFacts defect) {
  Facts facts = sign_facts();
  artifact_of(facts).defects.push_back(std::move(defect));
  return facts;
}

Outcome judge_kind(ArtifactKind kind, const std::string& name) {
  Facts facts = sign_facts();
  facts.model.path = "/srv/sign/models/" + name;
  facts.model.state_dict.clear();
  facts.model.labels.reset();
  facts.artifact = Observed<ArtifactFacts>::seen({.kind = kind, .bytes = 5000, .head = "\\x01\\x02"}, {});
  return run_check(kId, facts);
}

}  // namespace

TEST_CASE("model-loadable: a checkpoint of tensors passes without findings") {
  const Outcome outcome = run_check(kId, sign_facts());
  CHECK(outcome.status == Status::passed);
  CHECK(outcome.findings.empty());
  CHECK(evidence_of(outcome, "format") == "a PyTorch checkpoint (zip), version 3, pickle protocol 2");
  CHECK(evidence_of(outcome, "defects") == "none");
}

TEST_CASE("model-loadable/needs-allow-listing: a LabelEncoder is a note with the line to paste") {
  // The globals of a checkpoint written by PyTorch 2.6, scikit-learn 1.4 and NumPy 2. Python loads it with
  // weights_only=True after this very line.
  Facts facts = with_globals(
      {{.module = "torch._utils", .name = "_rebuild_tensor_v2"},
       {.module = "sklearn.preprocessing._label", .name = "LabelEncoder", .key_path = "label_encoder"},
       {.module = "numpy._core.multiarray", .name = "_reconstruct", .key_path = "label_encoder.classes_"},
       {.module = "numpy", .name = "ndarray", .key_path = "label_encoder.classes_"},
       {.module = "numpy", .name = "dtype", .key_path = "label_encoder.classes_"}});
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::passed);
  CHECK(finding_ids(outcome) == std::vector<std::string>{"needs-allow-listing"});
  const Finding finding = find_finding(outcome, "needs-allow-listing");
  CHECK(finding.severity == Severity::note);
  CHECK(finding.message ==
        "`torch.load` with `weights_only` (the default since PyTorch 2.6) refuses `label_encoder` unless 4 "
        "globals are "
        "allow-listed");
  CHECK(finding.evidence.front() == Evidence{"label_encoder", "sklearn.preprocessing._label.LabelEncoder"});
  CHECK(finding.fix ==
        "before `torch.load`: `import numpy, sklearn.preprocessing; "
        "torch.serialization.add_safe_globals([sklearn.preprocessing._label."
        "LabelEncoder, numpy._core.multiarray._reconstruct, numpy.ndarray, numpy.dtype, "
        "numpy.dtypes.StrDType])`");
  CHECK(run_check(kId, facts, Json::object(), true).status == Status::passed);
}

TEST_CASE("model-loadable/truncated: the missing bytes are counted") {
  const Outcome outcome = run_check(kId, with_defect({.kind = DefectKind::truncated,
                                                      .message = "the zip has no central directory",
                                                      .missing_bytes = 902'754}));
  CHECK(outcome.status == Status::failed);
  CHECK(finding_ids(outcome) == std::vector<std::string>{"truncated"});
  CHECK(find_finding(outcome, "truncated").message ==
        "`models/sign.pth` ends early: the zip has no central directory (902754 bytes missing)");
}

TEST_CASE(
    "model-loadable/contradictory-archive, corrupt-content, malformed, missing-part: one finding for each "
    "kind of defect") {
  const std::array<std::pair<DefectKind, std::string>, 4> kinds{
      {{DefectKind::contradiction, "contradictory-archive"},
       {DefectKind::corrupt, "corrupt-content"},
       {DefectKind::malformed, "malformed"},
       {DefectKind::missing_part, "missing-part"}}};
  for (const auto& [kind, id] : kinds) {
    Facts facts = with_defect({.kind = kind, .message = "what was seen", .member = "archive/data/3"});
    artifact_of(facts).defects.push_back({.kind = kind, .message = "again", .member = "archive/data/4"});
    const Outcome outcome = run_check(kId, facts);
    CHECK(outcome.status == Status::failed);
    CHECK(finding_ids(outcome) == std::vector<std::string>{id});
    const Finding finding = find_finding(outcome, id);
    CHECK(finding.message.ends_with(": what was seen (and 1 more of this kind)"));
    CHECK(finding.where.key == "archive/data/3");
    CHECK(finding.evidence.size() == 1);
  }
}

TEST_CASE("model-loadable: what was not read to its end is undecided, not unfit") {
  const Outcome outcome = run_check(
      kId,
      with_defect({.kind = DefectKind::over_limit, .message = "2000001 members; at most 1000000 are read"}));
  CHECK(outcome.status == Status::undecided);
  CHECK(outcome.reason ==
        "`models/sign.pth` was not read to its end: 2000001 members; at most 1000000 are read");
}

TEST_CASE("model-loadable/wrong-format: content that the name's loader cannot read") {
  using enum ArtifactKind;
  for (const auto kind :
       {npz, npy, keras, hdf5, tensorflow_saved_model, tar, gzip, zip, onnx, safetensors, pickle, unknown}) {
    const Outcome outcome = judge_kind(kind, "sign.pth");
    CHECK(outcome.status == Status::failed);
    CHECK(finding_ids(outcome) == std::vector<std::string>{"wrong-format"});
  }
  CHECK(find_finding(judge_kind(keras, "sign.pth"), "wrong-format").message ==
        "`models/sign.pth` is a Keras model; `torch.load`, which its name promises, cannot read it");
  CHECK(find_finding(judge_kind(keras, "sign.pth"), "wrong-format").fix.contains("tf2onnx.convert"));
  CHECK(find_finding(judge_kind(unknown, "sign.PT"), "wrong-format")
            .message.contains("it starts with \"\\x01\\x02\""));
  Facts zeros = sign_facts();
  artifact_of(zeros) = ArtifactFacts{.kind = unknown, .bytes = 4096};
  artifact_of(zeros).head = printable(std::string(64, '\0'));
  CHECK(find_finding(run_check(kId, zeros), "wrong-format")
            .message.starts_with("`models/sign.pth` begins with zeros: space that was reserved"));
  CHECK(judge_kind(torch_zip, "sign.safetensors").status == Status::failed);
  CHECK(judge_kind(gzip, "model.pth.tar").status == Status::failed);
}

TEST_CASE("model-loadable: formats under their own names are no findings, but are not read") {
  using enum ArtifactKind;
  const std::array<std::pair<ArtifactKind, std::string>, 7> files{{{keras, "m.keras"},
                                                                   {hdf5, "m.h5"},
                                                                   {npz, "m.npz"},
                                                                   {gzip, "m.tar.gz"},
                                                                   {torch_export, "m.pt2"},
                                                                   {pickle, "m.pkl"},
                                                                   {unknown, "m.plan"}}};
  for (const auto& [kind, name] : files) {
    const Outcome outcome = judge_kind(kind, name);
    CHECK(outcome.findings.empty());
    CHECK(outcome.status == Status::undecided);
    CHECK(outcome.reason.contains("cannot load"));
  }
  for (const auto& [kind, name] :
       std::array<std::pair<ArtifactKind, std::string>, 4>{{{torch_zip, "m.pth.tar"},
                                                            {torch_legacy, "m.bin"},
                                                            {torchscript, "m.pt"},
                                                            {safetensors, "m.safetensors"}}}) {
    CHECK(judge_kind(kind, name).status == Status::passed);
  }
}

TEST_CASE("model-loadable/newer-format: above what PyTorch reads") {
  Facts facts = sign_facts();
  artifact_of(facts).format_version = "10";
  CHECK(run_check(kId, facts).findings.empty());
  artifact_of(facts).format_version = "11";
  CHECK(find_finding(run_check(kId, facts), "newer-format").message ==
        "`models/sign.pth` has format version 11; PyTorch reads up to 10");
}

TEST_CASE("model-loadable/main-class: a class of the script that saved it") {
  const Outcome outcome =
      run_check(kId, with_globals({{.module = "__main__", .name = "SignNetwork", .key_path = "model"}}));
  CHECK(outcome.status == Status::failed);
  const Finding finding = find_finding(outcome, "main-class");
  CHECK(finding.message.contains(
      "needs `__main__.SignNetwork` (for `model`), of the script that saved the file"));
  CHECK(finding.where.key == "model");
}

TEST_CASE("model-loadable/blocked-global: never offered for allow-listing") {
  const Outcome outcome =
      run_check(kId, with_globals({{.module = "posix", .name = "system"},
                                   {.module = "builtins", .name = "eval", .key_path = "hook"}}));
  CHECK(outcome.status == Status::failed);
  CHECK(find_finding(outcome, "blocked-global").message.contains("`posix.system`"));
  CHECK(find_finding(outcome, "foreign-class").message.contains("`builtins.eval` (for `hook`)"));
  for (const Finding& finding : outcome.findings) {
    CHECK_FALSE(finding.fix.contains("add_safe_globals"));
  }
  // Nor is what stands beside it: the file is not to be loaded.
  const Outcome beside = run_check(
      kId, with_globals({{.module = "__main__", .name = "Net"}, {.module = "numpy", .name = "dtype"}}));
  CHECK(finding_ids(beside) == std::vector<std::string>{"main-class"});
}

TEST_CASE(
    "model-loadable/foreign-class, other-system-path, code-by-value, import-first: what a pickle needs from "
    "the server") {
  const auto only = [](std::string module, std::string name, std::string_view id) {
    const Outcome outcome = run_check(
        kId, with_globals({{.module = std::move(module), .name = std::move(name), .key_path = "x"}}));
    CHECK(finding_ids(outcome) == std::vector<std::string>{std::string(id)});
    return outcome.status;
  };
  CHECK(only("models.net", "Net", "foreign-class") == Status::passed);
  CHECK(only("omegaconf.dictconfig", "DictConfig", "foreign-class") == Status::passed);
  CHECK(only("pathlib", "WindowsPath", "other-system-path") == Status::failed);
  CHECK(only("pathlib._local", "WindowsPath", "other-system-path") == Status::failed);
  CHECK(only("pathlib", "PosixPath", "needs-allow-listing") == Status::passed);
  CHECK(only("dill._dill", "_create_type", "code-by-value") == Status::passed);
  CHECK(only("cloudpickle.cloudpickle", "_make_function", "code-by-value") == Status::passed);
  CHECK(only("torch.distributed.tensor", "DTensor", "import-first") == Status::passed);
}

TEST_CASE("model-loadable/pickle-protocol: opcodes that a safe load refuses") {
  Facts facts = sign_facts();
  artifact_of(facts).pickle_protocol = 4;
  artifact_of(facts).opcodes = {"BINUNICODE", "FRAME", "MEMOIZE", "PROTO", "STACK_GLOBAL", "STOP"};
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::passed);
  CHECK(find_finding(outcome, "pickle-protocol")
            .message.contains("has pickle protocol 4 with `FRAME`, `MEMOIZE` and `STACK_GLOBAL`"));
  // torch.jit.load has a reader of its own.
  artifact_of(facts).kind = ArtifactKind::torchscript;
  facts.model.state_dict.clear();
  facts.model.labels.reset();
  CHECK(run_check(kId, facts).findings.empty());
}

TEST_CASE("model-loadable/byte-order, legacy-format: old and foreign files that still load") {
  Facts facts = sign_facts();
  artifact_of(facts).byte_order = "big";
  CHECK(find_finding(run_check(kId, facts), "byte-order").severity == Severity::warning);
  artifact_of(facts).byte_order = "little";
  artifact_of(facts).kind = ArtifactKind::torch_legacy;
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::passed);
  CHECK(find_finding(outcome, "legacy-format").severity == Severity::note);
}

TEST_CASE("model-loadable/tar-format: a safe load refuses it") {
  const Outcome outcome = judge_kind(ArtifactKind::torch_tar, "sign.pth");
  CHECK(finding_ids(outcome) == std::vector<std::string>{"tar-format"});
  CHECK(outcome.status == Status::passed);
}

TEST_CASE("model-loadable/torchscript-archive: used as a checkpoint") {
  Facts facts = sign_facts();
  artifact_of(facts).kind = ArtifactKind::torchscript;
  CHECK(find_finding(run_check(kId, facts), "torchscript-archive")
            .message.contains("the config reads `model_state_dict` from it"));
  facts.model.state_dict.clear();
  CHECK(
      find_finding(run_check(kId, facts), "torchscript-archive").message.contains("reads `labels` from it"));
  facts.model.labels.reset();
  CHECK(run_check(kId, facts).findings.empty());
}

TEST_CASE("model-loadable: stops at files that are no models or were not read") {
  Facts facts = sign_facts();
  facts.artifact = Observed<ArtifactFacts>::seen({.kind = ArtifactKind::git_lfs_pointer, .bytes = 131}, {});
  CHECK(run_check(kId, facts).status == Status::undecided);
  CHECK(run_check(kId, facts).reason ==
        "`models/sign.pth` is a Git LFS pointer, not a model; see `model-present`");
  facts.artifact =
      Observed<ArtifactFacts>::none({.kind = AbsenceKind::blocked, .detail = "the model file is not there"});
  CHECK(run_check(kId, facts).reason == "blocked: the model file is not there; see `model-present`");
}

TEST_CASE("model-loadable: extensions promise formats whatever their case") {
  using namespace runup::checks::model_loadable;
  CHECK(promising_extension("a/b.PTH") == ".pth");
  CHECK(promising_extension("a/b.pth.tar") == ".pth.tar");
  CHECK(promising_extension("a/pth").empty());
  CHECK(promising_extension("a/model.bin").empty());
  CHECK(extension_fits("", ArtifactKind::keras));
}

TEST_CASE("model-loadable: what the service's own loading copes with is a note") {
  const auto with_main_class = [](Facts facts) {
    facts.artifact.value->globals.push_back(
        {.module = "__main__", .name = "Net", .member = "data.pkl", .key_path = "model", .uses = 1});
    return facts;
  };
  CHECK(find_finding(run_check(kId, with_main_class(sign_facts())), "main-class").severity ==
        Severity::error);
  Facts facts = with_main_class(predictor_facts_of_sign());
  const Finding finding = find_finding(run_check(kId, facts), "main-class");
  CHECK(finding.severity == Severity::note);
  CHECK(finding.message.ends_with("; the service's own loading copes with that"));
  // Not when it never opened the file, or could not be made.
  python_of(facts).opened.clear();
  CHECK(find_finding(run_check(kId, facts), "main-class").severity == Severity::error);
  facts = with_main_class(predictor_facts_of_sign());
  python_of(facts).stage = FactoryStage::factory;
  CHECK(find_finding(run_check(kId, facts), "main-class").severity == Severity::error);
}
