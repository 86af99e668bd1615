// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "facts_builder.h"
#include "key_names.h"

using namespace runup;
using namespace runup::testing;
using namespace runup::checks::state_dict_format;

namespace {

constexpr std::string_view kId = "state-dict-format";
using Words = std::vector<std::string>;

ArtifactFacts& artifact_of(Facts& facts) { return *facts.artifact.value; }
KeyMatchFacts& keys_of(Facts& facts) { return *facts.runtimes.front().value->load.keys; }

// No runtime compared the keys with anything.
Facts unconfirmed() {
  Facts facts = sign_facts();
  facts.model.architecture.clear();
  facts.runtimes.clear();
  return facts;
}

// A checkpoint with these keys below `model_state_dict`, compared with nothing.
Facts with_keys(const Words& keys) {
  Facts facts = unconfirmed();
  ArtifactFacts& artifact = artifact_of(facts);
  artifact.tensors.clear();
  artifact.storages.clear();
  artifact.state_dicts.clear();
  artifact.objects.clear();
  for (const std::string& key : keys) {
    add_tensor(artifact, "model_state_dict." + key, {4});
  }
  add_state_dict(artifact, "model_state_dict");
  return facts;
}

// The weights have `missing` and `unexpected` keys against an architecture given as an archive.
Facts misfit(Words missing, Words unexpected) {
  Facts facts = sign_facts();
  facts.runtimes.front().value->witness.form = "TorchScript archive filled by state_dict";
  facts.runtimes.front().value->load.stage = LoadStage::state_dict;
  keys_of(facts).missing = std::move(missing);
  keys_of(facts).unexpected = std::move(unexpected);
  return facts;
}

}  // namespace

TEST_CASE("state-dict-format: weights that fit their architecture pass without findings") {
  const Outcome outcome = run_check(kId, sign_facts());
  CHECK(outcome.status == Status::passed);
  CHECK(outcome.findings.empty());
  // (16*147*3 + 16 + 3*16 + 3) * 4 bytes
  CHECK(evidence_of(outcome, "state_dict") == "`model_state_dict`, 4 tensors, 27.8 KiB");
  CHECK(evidence_of(outcome, "architecture") == "all 4 keys as it wants them");
}

TEST_CASE("state-dict-format: without an architecture the weights alone pass, and it is said") {
  const Outcome outcome = run_check(kId, unconfirmed());
  CHECK(outcome.status == Status::passed);
  CHECK(outcome.findings.empty());
  CHECK(evidence_of(outcome, "architecture") == "none is given, so the keys were compared with nothing");
  Facts not_asked = sign_facts();
  not_asked.runtimes.clear();
  CHECK(run_check(kId, not_asked).status == Status::passed);
  CHECK(evidence_of(run_check(kId, not_asked), "architecture") == "not compared in this run");
}

TEST_CASE("state-dict-format: a state_dict at the root, and safetensors, pass without findings") {
  Facts facts = unconfirmed();
  facts.model.state_dict.clear();
  facts.artifact = Observed<ArtifactFacts>::seen({.kind = ArtifactKind::safetensors, .bytes = 5000}, {});
  add_tensor(artifact_of(facts), "conv1.weight", {4, 4});
  add_state_dict(artifact_of(facts), "");
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::passed);
  CHECK(outcome.findings.empty());
}

TEST_CASE("state-dict-format/state-dict-absent: what is there instead is named") {
  Facts facts = unconfirmed();
  facts.model.state_dict.clear();
  artifact_of(facts).state_dicts.clear();
  artifact_of(facts).root_type = "list";
  CHECK(run_check(kId, facts).status == Status::failed);
  CHECK(find_finding(run_check(kId, facts), "state-dict-absent").message ==
        "`models/sign.pth` has no mapping of names to weights; its root is a `list`");
  artifact_of(facts).state_dicts.push_back({.path = "ema", .tensors = 4, .bytes = 100, .role = "ema"});
  CHECK(find_finding(run_check(kId, facts), "state-dict-absent")
            .message.ends_with("; `ema` looks like an average of weights"));
  CHECK(find_finding(run_check(kId, facts), "state-dict-absent").fix.contains("`state_dict: ema`"));
}

TEST_CASE("state-dict-format/several-candidates: all named, with their sizes") {
  Facts facts = unconfirmed();
  facts.model.state_dict.clear();
  add_tensor(artifact_of(facts), "generator.weight", {8, 8});
  add_state_dict(artifact_of(facts), "generator");
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::failed);
  const Finding finding = find_finding(outcome, "several-candidates");
  CHECK(finding.message ==
        "2 mappings of names to weights are in the file (`model_state_dict` and `generator`); `state_dict:` "
        "must name one");
  CHECK(finding.evidence ==
        std::vector<Evidence>{{"model_state_dict", "4 tensors, 27.8 KiB"}, {"generator", "1 tensor, 256 B"}});
}

TEST_CASE("state-dict-format/key-missing: a typing error is recognised") {
  Facts facts = unconfirmed();
  facts.model.state_dict = "model_state_dct";
  const Finding finding = find_finding(run_check(kId, facts), "key-missing");
  CHECK(finding.message == "the file has no key `model_state_dct`; did you mean `model_state_dict`?");
  CHECK(finding.fix == "set `state_dict:` to `model_state_dict`");
}

TEST_CASE("state-dict-format/not-a-state-dict: the key holds something else") {
  Facts facts = unconfirmed();
  facts.model.state_dict = "epoch";
  CHECK(find_finding(run_check(kId, facts), "not-a-state-dict").message ==
        "`epoch` is a `int`; a state_dict maps names to tensors");
}

TEST_CASE("state-dict-format/whole-module: classes named; those of a script are an error") {
  Facts facts = unconfirmed();
  facts.model.state_dict.clear();
  artifact_of(facts).state_dicts.clear();
  artifact_of(facts).root_type = "models.net.Net";
  artifact_of(facts).module_classes = {"models.net.Net"};
  Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::passed);
  CHECK(finding_ids(outcome) == Words{"whole-module"});
  CHECK(find_finding(outcome, "whole-module").message ==
        "`models/sign.pth` holds pickled modules (`models.net.Net`); expected a state_dict of names and "
        "tensors");
  CHECK(find_finding(outcome, "whole-module").severity == Severity::warning);

  artifact_of(facts).module_classes = {"__main__.SignNetwork"};
  CHECK(run_check(kId, facts).status == Status::failed);

  artifact_of(facts).module_classes.clear();
  artifact_of(facts).root_type = "torch.nn.modules.container.Sequential";
  CHECK(finding_ids(run_check(kId, facts)) == Words{"whole-module"});
}

TEST_CASE("state-dict-format/wrapper-prefix: alone and nested, with its makers") {
  const auto message = [](const Words& keys) {
    return find_finding(run_check(kId, with_keys(keys)), "wrapper-prefix").message;
  };
  CHECK(message({"module.conv1.weight", "module.conv1.bias"}) ==
        "all 2 keys of `model_state_dict` begin with `module.` (DataParallel or DistributedDataParallel); "
        "the model without its "
        "wrapper has none");
  CHECK(message({"_orig_mod.conv1.weight"}).contains("begin with `_orig_mod.` (torch.compile)"));
  CHECK(message({"_orig_mod.module.a.weight", "_orig_mod.module.a.bias"})
            .contains("`_orig_mod.module.` (torch.compile, then DataParallel or DistributedDataParallel)"));
  CHECK(message({"_fsdp_wrapped_module.a.weight"}).contains("FullyShardedDataParallel"));
  CHECK(message({"n_averaged", "module.a.weight", "module.a.bias"}).contains("`module.`"));
  const Finding finding = find_finding(run_check(kId, with_keys({"module.conv1.weight"})), "wrapper-prefix");
  CHECK(finding.fix.contains("`{k.removeprefix(\"module.\"): v for k, v in state_dict.items()}`"));
  CHECK(finding.severity == Severity::error);
}

TEST_CASE("state-dict-format/wrapper-prefix: keys that the architecture wants are no finding") {
  Facts facts = with_keys({"module.conv1.weight", "module.conv1.bias"});
  const Facts confirmed = sign_facts();
  facts.model.architecture = confirmed.model.architecture;
  facts.runtimes = confirmed.runtimes;
  CHECK(run_check(kId, facts).findings.empty());
}

TEST_CASE("state-dict-format/mixed-prefix, inner-prefix: wrappers on parts") {
  const Outcome mixed = run_check(kId, with_keys({"module.a.weight", "module.a.bias", "head.weight"}));
  CHECK(finding_ids(mixed) == Words{"mixed-prefix"});
  CHECK(find_finding(mixed, "mixed-prefix")
            .message.contains("2 of 3 keys of `model_state_dict` begin with `module.`"));
  CHECK(find_finding(mixed, "mixed-prefix").message.ends_with("others do not, such as `head.weight`"));

  const Outcome inner =
      run_check(kId, with_keys({"features.module.0.weight", "features.module.0.bias", "head.weight"}));
  CHECK(finding_ids(inner) == Words{"inner-prefix"});
  CHECK(inner.status == Status::passed);
  CHECK(
      find_finding(inner, "inner-prefix").message ==
      "2 keys of `model_state_dict` have `module.` inside (DataParallel or DistributedDataParallel), such as "
      "`features.module.0.weight`");
  // A name that only contains the word is a name.
  CHECK(run_check(kId, with_keys({"submodule.weight", "my_module.weight", "modules.0.weight"}))
            .findings.empty());
}

TEST_CASE("state-dict-format: a wrapper's prefix explains the keys that it makes missing and unexpected") {
  Facts facts = with_keys({"module.a.weight", "module.a.bias"});
  const Facts other = misfit({"a.weight", "a.bias"}, {"module.a.weight", "module.a.bias"});
  facts.model.architecture = other.model.architecture;
  facts.runtimes = other.runtimes;
  CHECK(finding_ids(run_check(kId, facts)) == Words{"wrapper-prefix"});
}

TEST_CASE("state-dict-format: a wrapper inside the keys explains them too, and is an error then") {
  Facts facts = with_keys({"features.module.0.weight", "features.module.0.bias"});
  const Facts other = misfit({"features.0.weight", "features.0.bias"},
                             {"features.module.0.weight", "features.module.0.bias"});
  facts.model.architecture = other.model.architecture;
  facts.runtimes = other.runtimes;
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::failed);
  CHECK(finding_ids(outcome) == Words{"inner-prefix"});
}

TEST_CASE("state-dict-format/prefix-mismatch: any other prefix, on either side") {
  Outcome outcome = run_check(kId, misfit({"a.weight", "a.bias"}, {"backbone.a.weight", "backbone.a.bias"}));
  CHECK(finding_ids(outcome) == Words{"prefix-mismatch"});
  CHECK(find_finding(outcome, "prefix-mismatch").message ==
        "2 keys of `model_state_dict` differ from the architecture's only by the prefix `backbone.`, which "
        "the file has");
  outcome = run_check(kId, misfit({"net.a.weight", "net.a.bias"}, {"a.weight", "a.bias"}));
  CHECK(find_finding(outcome, "prefix-mismatch").message.ends_with("`net.`, which the architecture has"));
}

TEST_CASE("state-dict-format/missing-keys, unexpected-keys: named, with the likely rename") {
  const Outcome outcome =
      run_check(kId, misfit({"positional_encoding.pe"}, {"pos_encoder.pe", "aux_head.weight"}));
  CHECK(outcome.status == Status::failed);
  CHECK(finding_ids(outcome) == Words{"missing-keys", "unexpected-keys"});
  CHECK(find_finding(outcome, "missing-keys").message ==
        "`model_state_dict` lacks 1 key that the architecture wants: `positional_encoding.pe`; "
        "`pos_encoder.` may be the "
        "architecture's `positional_encoding.`");
  CHECK(find_finding(outcome, "unexpected-keys").message ==
        "`model_state_dict` has 2 keys that the architecture does not have: `pos_encoder.pe` and "
        "`aux_head.weight`");
}

TEST_CASE("state-dict-format/unexpected-keys: what source never reads, and the way out") {
  Facts facts = misfit({}, {"embeddings.position_ids"});
  CHECK(run_check(kId, facts).status == Status::failed);
  facts.runtimes.front().value->witness.form = "state_dict in TorchScript source";
  const Finding finding = find_finding(run_check(kId, facts), "unexpected-keys");
  CHECK(finding.message ==
        "`model_state_dict` has 1 key that the architecture never reads: `embeddings.position_ids`");
  CHECK(finding.fix.ends_with("may be named in a branch that is not taken"));
}

TEST_CASE("state-dict-format: source tells shapes only by running") {
  Facts facts = sign_facts();
  RuntimeFacts& runtime = *facts.runtimes.front().value;
  runtime.witness.form = "state_dict in TorchScript source";
  CHECK(run_check(kId, facts).status == Status::passed);
  runtime.load.stage = LoadStage::state_dict;
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::undecided);
  CHECK(
      outcome.reason.starts_with("the keys are those that the architecture reads; whether their shapes fit"));
}

TEST_CASE("state-dict-format: entries that are no tensors are told") {
  Facts facts = sign_facts();
  facts.artifact.value->state_dicts.front().other_entries = 2;
  CHECK(evidence_of(run_check(kId, facts), "entries that are no tensors") == "2");
}

TEST_CASE("state-dict-format: buffers that no checkpoint has are asked about, and may be declared") {
  Facts facts = sign_facts();
  keys_of(facts).absent_buffers = {"positional_encoding.pe", "mask"};
  const Outcome unsaid = run_check(kId, facts);
  CHECK(unsaid.status == Status::undecided);
  CHECK(unsaid.reason.starts_with(
      "`model_state_dict` lacks 2 buffers of the architecture (`positional_encoding.pe` and `mask`). If the "
      "model registers them with `persistent=False`, say so: `checks: {state-dict-format: {non_persistent: "
      "[positional_encoding.pe, mask]}}`"));
  CHECK(run_check(kId, facts, {{"non_persistent", {"mask"}}}).status == Status::undecided);
  const Outcome said = run_check(kId, facts, {{"non_persistent", {"mask", "*.pe"}}});
  CHECK(said.status == Status::passed);
  CHECK(evidence_of(said, "buffer that is never saved") == "positional_encoding.pe");

  // the file has it under another name: no buffer that is never saved, whatever the config says
  keys_of(facts).unexpected = {"pos_encoder.pe"};
  const Outcome renamed = run_check(kId, facts, {{"non_persistent", {"*"}}});
  CHECK(finding_ids(renamed) == Words{"missing-keys", "unexpected-keys"});
  CHECK(find_finding(renamed, "missing-keys").message.contains("`positional_encoding.pe`"));
}

TEST_CASE("state-dict-format/misshapen-keys: both shapes") {
  Facts facts = misfit({}, {});
  keys_of(facts).misshapen = {{.key = "classifier.bias", .expected = {21}, .actual = {19}}};
  CHECK(find_finding(run_check(kId, facts), "misshapen-keys").message ==
        "1 tensor of `model_state_dict` has another shape: `classifier.bias` is [19], the architecture wants "
        "[21]");
}

TEST_CASE("state-dict-format/training-residue: bytes and share of what is not served") {
  Facts facts = sign_facts();
  ArtifactFacts& artifact = artifact_of(facts);
  for (const char* name : {"exp_avg", "exp_avg_sq"}) {
    add_tensor(artifact, std::string("optimizer_state_dict.state[0].") + name, {16, 147, 3});
  }
  artifact.objects.push_back(
      {.path = "optimizer_state_dict", .type = "dict", .items = 2, .bytes = 2 * 16 * 147 * 3 * 4});
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::passed);
  // 56448 of 84940 bytes
  CHECK(find_finding(outcome, "training-residue").message ==
        "66 % of the tensors' bytes (55.1 KiB of 82.9 KiB) are not `model_state_dict`: "
        "`optimizer_state_dict` 55.1 KiB");
  CHECK(run_check(kId, facts, {{"max_residue", 0.7}}).findings.empty());
  CHECK(evidence_of(run_check(kId, facts, {{"max_residue", 0.7}}), "beside the weights") == "55.1 KiB");
}

TEST_CASE("state-dict-format/view-waste: views that keep a larger storage") {
  Facts facts = sign_facts();
  ArtifactFacts& artifact = artifact_of(facts);
  artifact.storages[0].bytes = 4U << 20U;
  artifact.state_dicts[0].bytes = 4U << 20U;
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::passed);
  CHECK(find_finding(outcome, "view-waste")
            .message.contains("`model_state_dict.conv1.weight` shows 27.6 KiB of 4.00 MiB"));
  // Tensors that share one storage fully waste nothing: the LSTM weights of a GPU are kept so.
  artifact.storages[0].bytes = artifact.tensors[0].bytes + artifact.tensors[1].bytes;
  artifact.tensors[1].storage = 0;
  CHECK(run_check(kId, facts).findings.empty());
}

TEST_CASE("state-dict-format: does not apply to files with a structure of their own") {
  Facts facts = unconfirmed();
  artifact_of(facts).kind = ArtifactKind::torchscript;
  CHECK(run_check(kId, facts).status == Status::skipped);
  CHECK(run_check(kId, facts).reason ==
        "`models/sign.pth` is a TorchScript archive, which carries its own structure");
}

TEST_CASE("state-dict-format: what was not observed is undecided") {
  Facts facts = sign_facts();
  lose_runtime(facts, {.kind = AbsenceKind::crashed, .detail = "the torch probe crashed (signal 11)"});
  CHECK(run_check(kId, facts).status == Status::undecided);
  CHECK(run_check(kId, facts).reason.contains("the torch probe crashed (signal 11)"));

  facts = sign_facts();
  facts.runtimes.front().value->load = {.stage = LoadStage::architecture,
                                        .error = "expected type annotation\nmore"};
  CHECK(run_check(kId, facts).status == Status::undecided);
  CHECK(run_check(kId, facts).reason.contains("(expected type annotation); see `inference`"));

  // The service's predictor has a network of its own: it says nothing of the architecture's keys.
  facts = sign_facts();
  facts.runtimes.front().value->load.keys.reset();
  facts.runtimes.push_back(Observed<RuntimeFacts>::none(
      {.kind = AbsenceKind::missing, .detail = "the torch probe is not installed"}));
  CHECK(run_check(kId, facts).status == Status::undecided);
  CHECK(run_check(kId, facts).reason.contains("the torch probe is not installed"));

  facts = unconfirmed();
  artifact_of(facts).cut = {"tensors beyond 100000"};
  CHECK(run_check(kId, facts).reason ==
        "`models/sign.pth` was not read to its end: left out were tensors beyond 100000");

  facts = unconfirmed();
  artifact_of(facts).kind = ArtifactKind::zip;
  CHECK(run_check(kId, facts).status == Status::undecided);

  // A damaged file says neither that the weights are missing nor that they are right.
  facts = unconfirmed();
  artifact_of(facts).defects.push_back(
      {.kind = DefectKind::truncated, .message = "the zip has no central directory"});
  CHECK(run_check(kId, facts).status == Status::undecided);
  artifact_of(facts).state_dicts.clear();
  artifact_of(facts).objects.clear();
  artifact_of(facts).tensors.clear();
  CHECK(run_check(kId, facts).status == Status::undecided);
  CHECK(run_check(kId, facts).findings.empty());

  facts = sign_facts();
  facts.artifact =
      Observed<ArtifactFacts>::none({.kind = AbsenceKind::blocked, .detail = "the model file is not there"});
  CHECK(run_check(kId, facts).status == Status::undecided);
}

TEST_CASE("state-dict-format: chains of wrappers, and renames only where they are unambiguous") {
  CHECK(wrapper_chain("module.module.a") == "module.module.");
  CHECK(wrapper_chain("modules.a").empty());
  CHECK(inner_wrapper("module.a._orig_mod.b") == "_orig_mod.");
  CHECK(inner_wrapper("module.a.b").empty());
  CHECK(without_wrappers("_orig_mod.module.a.module.b.weight") == "a.b.weight");
  CHECK(without_wrappers("modules.0.bias") == "modules.0.bias");
  CHECK(without_wrappers("module.") == "");
  CHECK(guess_renames({"enc.layer.weight"}, {"encoder.layer.weight"}, 3) ==
        std::vector<std::pair<std::string, std::string>>{{"encoder.", "enc."}});
  CHECK(guess_renames({"a.weight"}, {"b.weight", "c.weight"}, 3).empty());
  CHECK_FALSE(explain_by_prefix({"a", "b"}, {"c", "d"}));
}

TEST_CASE("state-dict-format: a prefix that the service strips is a note") {
  const auto wrapped = [](Facts facts) {
    for (TensorFacts& tensor : artifact_of(facts).tensors) {
      tensor.path.insert(std::string("model_state_dict.").size(), "module.");
    }
    return facts;
  };
  CHECK(find_finding(run_check(kId, wrapped(unconfirmed())), "wrapper-prefix").severity == Severity::error);
  Facts facts = predictor_facts_of_sign();
  facts.model.architecture.clear();
  facts.runtimes.pop_back();
  CHECK(find_finding(run_check(kId, wrapped(facts)), "wrapper-prefix").severity == Severity::note);
  // Not when its network holds other numbers: with `strict=False` such a file writes nothing.
  facts.predictor_weights.value->differing_count = 4;
  CHECK(find_finding(run_check(kId, wrapped(facts)), "wrapper-prefix").severity == Severity::error);
}
