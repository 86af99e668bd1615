// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "facts_builder.h"

using namespace runup;
using namespace runup::testing;

namespace {

constexpr std::string_view kId = "torchscript-archive";
using Words = std::vector<std::string>;

// A traced archive without anything to remark; frames are [batch, time, 147].
Facts archive() {
  Facts facts = sign_facts();
  ArtifactFacts& artifact = *facts.artifact.value;
  artifact.kind = ArtifactKind::torchscript;
  artifact.format_version = "3";
  artifact.torchscript = TorchScriptFacts{.code_files = 2,
                                          .code_bytes = 900,
                                          .root_class = "__torch__.Net",
                                          .arguments = {"frames: Tensor"},
                                          .has_forward = true,
                                          .traced = true,
                                          .modules = 3};
  facts.model.axes["batch"] = {.example = 1, .range = {1, 8}};
  facts.model.axes["time"] = {.example = 300, .range = {1, 500}};
  return facts;
}

TorchScriptFacts& script_of(Facts& facts) { return *facts.artifact.value->torchscript; }

CodeRemarkFacts& remark(Facts& facts, CodeRemarkKind kind, std::string what) {
  script_of(facts).remarks.push_back({.kind = kind,
                                      .file = "code/__torch__.py",
                                      .line = 12,
                                      .function = "Net.forward",
                                      .what = std::move(what),
                                      .text = "x = y",
                                      .reached = true});
  return script_of(facts).remarks.back();
}

CodeRemarkFacts& sizes(Facts& facts, std::string what, std::vector<std::int64_t> values) {
  CodeRemarkFacts& added = remark(facts, CodeRemarkKind::size_literal, std::move(what));
  added.values = std::move(values);
  return added;
}

}  // namespace

TEST_CASE("torchscript-archive: a good archive passes, and other files are none") {
  Facts facts = archive();
  // As every trace on a CPU has them.
  remark(facts, CodeRemarkKind::device_constant, "cpu");
  sizes(facts, "torch.view", {-1, 147});
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::passed);
  CHECK(outcome.findings.empty());
  CHECK(evidence_of(outcome, "forward") == "frames: Tensor");
  CHECK(run_check(kId, sign_facts()).status == Status::skipped);
}

TEST_CASE("torchscript-archive/forward-missing: told, unless the code was not all followed") {
  Facts facts = archive();
  script_of(facts).has_forward = false;
  CHECK(find_finding(run_check(kId, facts), "forward-missing").message ==
        "class `__torch__.Net` has no method `forward`; expected one");
  script_of(facts).incomplete = "there is more code than is followed";
  CHECK(run_check(kId, facts).status == Status::undecided);
  facts.artifact.value->torchscript.reset();
  CHECK(run_check(kId, facts).status == Status::undecided);
}

TEST_CASE("torchscript-archive/device-constant: another device than the declared one") {
  Facts facts = archive();
  remark(facts, CodeRemarkKind::device_constant, "cuda:0").op = "torch.zeros";
  const Finding finding = find_finding(run_check(kId, facts), "device-constant");
  CHECK(finding.severity == Severity::error);
  CHECK(finding.message == "the code makes tensors on `cuda:0` in 1 place; the model is served on `cpu`");
  CHECK(finding.where.key == "code/__torch__.py");
  CHECK(finding.where.line == 12);
  for (const char* fits : {"cuda", "cuda:0"}) {
    facts.model.device = fits;
    CHECK(run_check(kId, facts).findings.empty());
  }
  facts.model.device = "cuda:1";
  CHECK(finding_ids(run_check(kId, facts)) == Words{"device-constant"});
  // Whichever GPU is the current one.
  script_of(facts).remarks.front().what = "cuda";
  CHECK(run_check(kId, facts).findings.empty());
  // device-mapping speaks of the constants.
  script_of(facts).remarks.front() = {
      .kind = CodeRemarkKind::device_constant, .file = "constants.pkl", .what = "cuda:0", .reached = true};
  facts.model.device = "cpu";
  CHECK(run_check(kId, facts).findings.empty());
}

TEST_CASE("torchscript-archive/unreached-device-constant: a warning") {
  Facts facts = archive();
  remark(facts, CodeRemarkKind::device_constant, "cuda").reached = false;
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::passed);
  CHECK(finding_ids(outcome) == Words{"unreached-device-constant"});
}

TEST_CASE("torchscript-archive/cpu-constant: traced on a CPU, served on a GPU") {
  Facts facts = archive();
  facts.model.device = "cuda";
  remark(facts, CodeRemarkKind::device_constant, "cpu").op = "torch.zeros";
  CHECK(find_finding(run_check(kId, facts), "cpu-constant").severity == Severity::warning);
  // Answers are copied to the CPU on purpose.
  script_of(facts).remarks.front().op = "torch.to";
  CHECK(run_check(kId, facts).findings.empty());
}

TEST_CASE("torchscript-archive/baked-size: the batch of the trace, not features") {
  Facts facts = archive();
  script_of(facts).traced_shapes = {{5, 300, 147}};
  sizes(facts, "torch.view", {5, -1});
  sizes(facts, "torch.zeros", {2, 5, 32});
  // heads, a feature, and a batch that is no literal
  sizes(facts, "torch.view", {-1, 5, 32});
  const Finding finding = find_finding(run_check(kId, facts), "baked-size");
  CHECK(finding.severity == Severity::warning);
  CHECK(finding.message ==
        "2 lines of the traced code have the size 5, which the dynamic axis `batch` had in the trace; "
        "expected none");
  // A weight of that size makes it a guess.
  script_of(facts).traced_shapes = {{16, 300, 147}};
  sizes(facts, "torch.view", {16, -1});
  CHECK(find_finding(run_check(kId, facts), "baked-size").severity == Severity::note);
  // Without the trace's inputs the example counts, and 1 says nothing.
  script_of(facts).traced_shapes.clear();
  sizes(facts, "torch.view", {1, -1});
  CHECK(run_check(kId, facts).findings.empty());
  sizes(facts, "torch.reshape", {-1, 300, 9});
  CHECK(find_finding(run_check(kId, facts), "baked-size")
            .message.contains("size 300, which the dynamic axis `time`"));
  // A fixed axis may be baked, and what a person wrote is meant.
  script_of(facts).traced = false;
  CHECK(run_check(kId, facts).findings.empty());
  script_of(facts).traced = true;
  facts.model.axes["time"].range.clear();
  CHECK(run_check(kId, facts).findings.empty());
}

TEST_CASE("torchscript-archive/foreign-operator: the library is named, and can be accepted") {
  Facts facts = archive();
  remark(facts, CodeRemarkKind::foreign_operator, "torchvision.nms");
  remark(facts, CodeRemarkKind::foreign_operator, "my_ops.align");
  CHECK(find_finding(run_check(kId, facts), "foreign-operator").message ==
        "the code needs `torchvision.nms` and `my_ops.align` of `torchvision` and `my_ops`; PyTorch alone "
        "has no "
        "such operator");
  CHECK(run_check(kId, facts, {{"operators", {"torchvision", "my_ops"}}}).findings.empty());
}

TEST_CASE("torchscript-archive/newer-format: by the release that loads it") {
  Facts facts = archive();
  CHECK(run_check(kId, facts, {{"torch", "1.5.1"}}).findings.empty());
  CHECK(find_finding(run_check(kId, facts, {{"torch", "1.4"}}), "newer-format").message ==
        "the archive has format version 3; torch 1.4 reads up to 2");
  facts.artifact.value->format_version = "10";
  CHECK(run_check(kId, facts, {{"torch", "1.9.0"}}).status == Status::failed);
  CHECK(run_check(kId, facts, {{"torch", "2.6.0+cu124"}}).findings.empty());
  facts.artifact.value->format_version = "11";
  CHECK(run_check(kId, facts).status == Status::failed);
  facts.runtimes.clear();
  CHECK(find_finding(run_check(kId, facts), "newer-format").severity == Severity::warning);
  CHECK(run_check(kId, archive(), {{"torch", "newest"}}).status == Status::undecided);
}

TEST_CASE("torchscript-archive/deprecated-format: a note for PyTorch 2.11 and later") {
  const Facts facts = archive();
  CHECK(run_check(kId, facts, {{"torch", "2.10"}}).findings.empty());
  const Outcome outcome = run_check(kId, facts, {{"torch", "2.11"}});
  CHECK(outcome.status == Status::passed);
  CHECK(find_finding(outcome, "deprecated-format").severity == Severity::note);
}

TEST_CASE("torchscript-archive/quantised-engine: by the host's CPU") {
  Facts facts = archive();
  remark(facts, CodeRemarkKind::quantised_engine, "ops.quantized.linear_dynamic");
  CHECK(run_check(kId, facts).findings.empty());
  facts.host.value->architecture = "aarch64";
  CHECK(find_finding(run_check(kId, facts), "quantised-engine").message.contains("this host is aarch64"));
  facts.host.value->architecture = "x86_64";
  facts.host.value->cpu_flags = {"sse4_2"};
  CHECK(find_finding(run_check(kId, facts), "quantised-engine").message.contains("this host has no AVX2"));
  facts.host.value->cpu_flags = {"avx2"};
  CHECK(run_check(kId, facts).findings.empty());
  facts.host = Observed<HostFacts>::none({.kind = AbsenceKind::crashed, .detail = "signal 11"});
  CHECK(run_check(kId, facts).status == Status::undecided);
  script_of(facts).remarks.front().reached = false;
  CHECK(run_check(kId, facts).status == Status::passed);
}
