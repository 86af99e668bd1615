// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "facts_builder.h"

using namespace runup;
using namespace runup::testing;

namespace {

constexpr std::string_view kId = "device-mapping";

void tag_all(Facts& facts, const std::string& device) {
  for (StorageFacts& storage : facts.artifact.value->storages) {
    storage.device = device;
  }
}

// A healthy model for `device` on a host with `gpus` GPUs; no runtime ran.
Facts served_on(std::string device, int gpus) {
  Facts facts = sign_facts();
  facts.model.device = std::move(device);
  for (int i = 0; i < gpus; ++i) {
    facts.host.value->gpus.push_back({.device = "cuda:" + std::to_string(i), .name = "NVIDIA L4"});
  }
  lose_runtime(facts, {});
  return facts;
}

// libtorch came as far as the device.
void runtime_stopped(Facts& facts) {
  facts.runtimes.front().value->load = {.stage = LoadStage::device,
                                        .error = "device `cuda:0` is not there; this libtorch has `cpu`",
                                        .devices = {"cpu"}};
}

}  // namespace

TEST_CASE("device-mapping: CPU tensors on a CPU pass without findings") {
  const Outcome outcome = run_check(kId, sign_facts());
  CHECK(outcome.status == Status::passed);
  CHECK(outcome.findings.empty());
  CHECK(evidence_of(outcome, "storage tags") == "cpu (4)");
  CHECK(evidence_of(outcome, "loaded on") == "libtorch 2.6.0 on `cpu`");
}

TEST_CASE("device-mapping: CPU or same-GPU tensors on a GPU pass without findings") {
  CHECK(run_check(kId, served_on("cuda:0", 1)).findings.empty());
  CHECK(run_check(kId, served_on("cuda", 1)).status == Status::passed);
  Facts facts = served_on("cuda", 1);
  tag_all(facts, "cuda:0");
  CHECK(run_check(kId, facts).findings.empty());
}

TEST_CASE("device-mapping/foreign-storage: any other kind of device") {
  for (const std::string tag : {"cuda:0", "cuda:1", "mps", "hpu:0", "xpu:0", "npu:0", "xla:0"}) {
    Facts facts = sign_facts();
    tag_all(facts, tag);
    const Outcome outcome = run_check(kId, facts);
    CHECK(outcome.status == Status::failed);
    CHECK(finding_ids(outcome) == std::vector<std::string>{"foreign-storage"});
    const Finding finding = find_finding(outcome, "foreign-storage");
    CHECK(
        finding.message.starts_with("4 of 4 storages are tagged `" + tag + "`; the target device is `cpu`"));
    CHECK(finding.fix.contains("map_location=\"cpu\""));
    CHECK(finding.where.key == "model_state_dict.conv1.weight");
    CHECK(run_check(kId, facts, {{"map_location", "always"}}).findings.empty());
    CHECK(run_check(kId, facts, {{"map_location", "never"}}).status == Status::failed);
  }
  Facts mac = served_on("cuda:0", 1);
  tag_all(mac, "mps");
  CHECK(finding_ids(run_check(kId, mac)) == std::vector<std::string>{"foreign-storage"});
}

TEST_CASE("device-mapping/foreign-storage, mixed-tags: one tensor is enough") {
  Facts facts = sign_facts();
  add_tensor(*facts.artifact.value, "dataset.mean", {147}, "float32", "cuda:0");
  const Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::failed);
  CHECK(find_finding(outcome, "foreign-storage").message.starts_with("1 of 5 storages is tagged `cuda:0`"));
  CHECK(find_finding(outcome, "foreign-storage").where.key == "dataset.mean");
  CHECK(find_finding(outcome, "mixed-tags").message ==
        "the file's storages are tagged for 2 devices: cpu (4) and cuda:0 (1)");
}

TEST_CASE(
    "device-mapping/gpu-index-absent, other-gpu: a number beyond the host, and another one than the target") {
  Facts facts = served_on("cuda:0", 1);
  tag_all(facts, "cuda:1");
  Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::failed);
  CHECK(find_finding(outcome, "gpu-index-absent").message ==
        "4 of 4 storages are tagged `cuda:1`; this host has cuda:0 (NVIDIA L4)");

  facts = served_on("cuda:0", 2);
  tag_all(facts, "cuda:1");
  outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::passed);
  CHECK(find_finding(outcome, "other-gpu").severity == Severity::warning);
}

TEST_CASE("device-mapping/device-absent: the host has not what the config asks for") {
  Outcome outcome = run_check(kId, served_on("cuda:0", 0));
  CHECK(outcome.status == Status::failed);
  CHECK(find_finding(outcome, "device-absent").message ==
        "the config asks for `cuda:0`; this host has no GPU");
  CHECK(find_finding(outcome, "device-absent").where.key == "models.sign.device");
  CHECK(run_check(kId, served_on("cuda:3", 2)).status == Status::failed);
  CHECK(find_finding(run_check(kId, served_on("mps", 0)), "device-absent")
            .message.contains("Apple's systems alone"));
  CHECK(run_check(kId, served_on("xpu", 0)).status == Status::undecided);
}

TEST_CASE("device-mapping/unknown-device: no name of PyTorch's") {
  CHECK(find_finding(run_check(kId, served_on("gpu", 0)), "unknown-device").message ==
        "`gpu` is no device that PyTorch knows; did you mean `cuda:0`?");
  CHECK(find_finding(run_check(kId, served_on("cud:0", 0)), "unknown-device")
            .message.contains("did you mean `cuda:0`?"));
}

TEST_CASE("device-mapping/meta-tensor: a shape without data, in the weights") {
  Facts facts = sign_facts();
  facts.artifact.value->storages[1].device = "meta";
  CHECK(find_finding(run_check(kId, facts), "meta-tensor").message ==
        "1 tensor is on the `meta` device, with a shape and no data: `model_state_dict.conv1.bias`");

  facts = sign_facts();
  facts.artifact.value->globals.push_back(
      {.module = "torch._utils", .name = "_rebuild_meta_tensor_no_storage"});
  facts.artifact.value->tensors[2].storage = -1;
  facts.artifact.value->tensors[3].storage = -1;
  CHECK(find_finding(run_check(kId, facts), "meta-tensor").message.starts_with("2 tensors are"));

  // A sparse tensor has no storage of its own either.
  facts = sign_facts();
  facts.artifact.value->tensors[2].storage = -1;
  facts.artifact.value->tensors[2].layout = "sparse_coo";
  CHECK(run_check(kId, facts).findings.empty());
}

TEST_CASE("device-mapping/ran-elsewhere: the runtime had the device and used another") {
  Facts facts = sign_facts();
  facts.model.device = "cuda:0";
  facts.host.value->gpus.push_back({.device = "cuda:0"});
  facts.runtimes.front().value->load.devices = {"cpu", "cuda:0"};
  Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::failed);
  CHECK(find_finding(outcome, "ran-elsewhere").message ==
        "libtorch 2.6.0 ran the model on `cpu`; the config asks for `cuda:0`, which it has");

  facts.runtimes.front().value->load.devices = {"cpu"};
  outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::undecided);
  CHECK(outcome.reason ==
        "libtorch 2.6.0 has no `cuda:0` and ran the model on `cpu`, so the real device was not tried");

  runtime_stopped(facts);
  outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::undecided);
  CHECK(outcome.reason ==
        "libtorch 2.6.0 could not use the device: device `cuda:0` is not there; this libtorch has `cpu`");
}

TEST_CASE("device-mapping: a second runtime without the device takes nothing from the first, which has it") {
  Facts facts = sign_facts();
  facts.model.device = "cuda:0";
  facts.host.value->gpus.push_back({.device = "cuda:0"});
  facts.runtimes.front().value->load.devices = {"cpu", "cuda:0"};
  facts.runtimes.front().value->witness = {.library = "torch", .version = "2.6.0+cu124", .device = "cuda:0"};
  Facts other = sign_facts();
  runtime_stopped(other);
  facts.runtimes.push_back(other.runtimes.front());
  Outcome outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::passed);
  CHECK(evidence_of(outcome, "loaded on") == "torch 2.6.0+cu124 on `cuda:0`");

  // The service's own comes first, and what it lacks counts.
  std::ranges::reverse(facts.runtimes);
  outcome = run_check(kId, facts);
  CHECK(outcome.status == Status::undecided);
  CHECK(outcome.reason.starts_with("libtorch 2.6.0 could not use the device"));
}

TEST_CASE("device-mapping: what was not observed is undecided") {
  Facts unread = sign_facts();
  unread.artifact = Observed<ArtifactFacts>::seen({.kind = ArtifactKind::unknown, .bytes = 5000}, {});
  CHECK(run_check(kId, unread).status == Status::undecided);
  CHECK(run_check(kId, unread).reason ==
        "`models/sign.pth` is of no format that runup knows; see `model-loadable`");

  Facts facts = served_on("cuda:0", 1);
  facts.host = Observed<HostFacts>::none({.kind = AbsenceKind::crashed, .detail = "signal 11"});
  CHECK(run_check(kId, facts).status == Status::undecided);
  facts = sign_facts();
  facts.artifact =
      Observed<ArtifactFacts>::none({.kind = AbsenceKind::blocked, .detail = "the model file is not there"});
  CHECK(run_check(kId, facts).status == Status::undecided);
  facts = sign_facts();
  facts.artifact.value->storages.clear();
  facts.artifact.value->tensors.clear();
  facts.artifact.value->defects.push_back({.kind = DefectKind::truncated, .message = "no central directory"});
  CHECK(run_check(kId, facts).status == Status::undecided);
}
