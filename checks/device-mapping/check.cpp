// SPDX-License-Identifier: Apache-2.0
#include "check/check.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <format>
#include <map>

#include "base/text.h"
#include "check/witness.h"
#include "check/wording.h"
#include "facts/state_dict.h"

namespace runup::checks::device_mapping {

// What is known of the service's `torch.load` call.
enum class MapLocation { unknown, always, never };
constexpr auto enum_names(MapLocation) {
  using enum MapLocation;
  return std::array<std::pair<MapLocation, std::string_view>, 3>{
      {{unknown, "unknown"}, {always, "always"}, {never, "never"}}};
}

struct Options {
  MapLocation map_location = MapLocation::unknown;
  static constexpr auto fields() {
    return std::tuple{
        Field{"map_location", &Options::map_location,
              "whether the service loads the file with `map_location=`; unknown counts as never"}};
  }
};

constexpr std::array kFindings{
    FindingInfo{"unknown-device", Severity::error, "`device:` names no device that PyTorch knows"},
    FindingInfo{"device-absent", Severity::error, "the device that the config asks for is not on this host"},
    FindingInfo{"foreign-storage", Severity::error,
                "tensors are tagged for another kind of device than they are served on"},
    FindingInfo{"gpu-index-absent", Severity::error,
                "tensors are tagged for a GPU number that this host lacks"},
    FindingInfo{"other-gpu", Severity::warning,
                "tensors are tagged for another GPU than the model is served on"},
    FindingInfo{"meta-tensor", Severity::error, "tensors of the model have a shape but no data"},
    FindingInfo{"mixed-tags", Severity::note, "tensors are tagged for several devices"},
    FindingInfo{"ran-elsewhere", Severity::error,
                "the runtime has the device, but ran the model on another one"}};

namespace {

// Device types of torch.device, PyTorch 2.6.
constexpr std::array<std::string_view, 16> kDeviceTypes{
    "cpu", "cuda",   "mps",    "xpu",    "hpu",   "npu", "xla",    "meta",
    "ipu", "mkldnn", "opengl", "opencl", "ideep", "hip", "vulkan", "privateuseone"};

struct Device {
  std::string type;
  // of `cuda`: 0 when none is written, which is what PyTorch takes in a fresh process
  int index = 0;
  bool operator==(const Device&) const = default;
};

Device read_device(std::string_view text) {
  const std::size_t colon = text.find(':');
  Device device{.type = std::string(text.substr(0, colon))};
  if (colon != std::string_view::npos) {
    std::from_chars(text.data() + colon + 1, text.data() + text.size(), device.index);
  }
  return device;
}

struct Tags {
  // how many storages carry each tag
  std::map<std::string, std::uint64_t> counts;
  // a tensor with each tag
  std::map<std::string, std::string> examples;
  std::uint64_t total = 0;
};

Tags find_tags(const ArtifactFacts& artifact) {
  Tags tags;
  for (const StorageFacts& storage : artifact.storages) {
    if (!storage.device.empty()) {
      ++tags.counts[storage.device];
      ++tags.total;
    }
  }
  for (const TensorFacts& tensor : artifact.tensors) {
    if (tensor.storage >= 0 && static_cast<std::size_t>(tensor.storage) < artifact.storages.size()) {
      tags.examples.try_emplace(artifact.storages[static_cast<std::size_t>(tensor.storage)].device,
                                tensor.path);
    }
  }
  return tags;
}

struct Judge {
  const Facts& facts;
  const Options& options;
  Judgement& judgement;
  Device target;

  void add(std::string_view id, std::string message, std::string fix, std::string key = "") {
    judgement.findings.push_back(make_finding(kFindings, id, std::move(message), std::move(fix),
                                              model_location(facts, std::move(key))));
  }
  void add_config(std::string_view id, std::string message, std::string fix) {
    judgement.findings.push_back(make_finding(kFindings, id, std::move(message), std::move(fix),
                                              {.file = {}, .key = model_key(facts, "device")}));
  }
};

bool judge_name(Judge& judge) {
  if (std::ranges::find(kDeviceTypes, judge.target.type) != kDeviceTypes.end()) {
    return true;
  }
  const std::vector<std::string> known{"cpu", "cuda", "cuda:0", "mps", "xpu"};
  std::string meant = did_you_mean(judge.facts.model.device, known).value_or("cpu");
  // The commonest guess, which is as near to `cpu` as to nothing else.
  if (judge.target.type == "gpu" || judge.target.type == "GPU") {
    meant = std::format("cuda:{}", judge.target.index);
  }
  judge.add_config("unknown-device",
                   std::format("`{}` is no device that PyTorch knows; did you mean `{}`?",
                               judge.facts.model.device, meant),
                   std::format("set `{}` to `{}`", model_key(judge.facts, "device"), meant));
  return false;
}

// Whether the host has the target device; nothing when that was not observed or is not looked at.
std::optional<bool> host_has(const Facts& facts, const Device& device) {
  if (device.type == "cpu") {
    return true;
  }
  if (!facts.host || device.type != "cuda") {
    return std::nullopt;
  }
  return std::ranges::any_of(facts.host->gpus,
                             [&](const GpuFacts& gpu) { return read_device(gpu.device) == device; });
}

std::string gpus_of(const HostFacts& host) {
  std::vector<std::string> words;
  for (const GpuFacts& gpu : host.gpus) {
    words.push_back(gpu.name.empty() ? gpu.device : std::format("{} ({})", gpu.device, gpu.name));
  }
  return words.empty() ? "no GPU" : join_words(words);
}

void judge_host(Judge& judge) {
  const std::string& wanted = judge.facts.model.device;
  if (judge.target.type == "cpu") {
    return;
  }
  if (!judge.facts.host) {
    judge.judgement.undecided = absence_text("the host", judge.facts.host.absence.value_or(Absence{}));
    return;
  }
  judge.judgement.saw("host's GPUs", gpus_of(*judge.facts.host));
  const auto there = host_has(judge.facts, judge.target);
  const bool mps_on_linux = judge.target.type == "mps";
  if ((there && !*there) || mps_on_linux) {
    judge.add_config(
        "device-absent",
        std::format("the config asks for `{}`; this host has {}{}", wanted, gpus_of(*judge.facts.host),
                    mps_on_linux ? ", and `mps` exists on Apple's systems alone" : ""),
        "run the gate on a host like the one that serves, with the GPU and its driver visible (`--gpus "
        "all`), or set "
        "`device: cpu`");
  } else if (!there) {
    judge.judgement.undecided =
        std::format("nothing of this version tells whether the host has `{}`", wanted);
  }
}

// Whether `torch.load` puts a storage with this tag where the target can have it, without map_location.
enum class TagStanding { fine, foreign, absent_gpu, other_gpu };
TagStanding standing_of(const Judge& judge, const Device& tag) {
  if (tag.type == "cpu" || tag.type == "meta") {
    return TagStanding::fine;
  }
  if (tag.type != judge.target.type) {
    return TagStanding::foreign;
  }
  if (tag.index == judge.target.index) {
    return TagStanding::fine;
  }
  const auto there = host_has(judge.facts, tag);
  return there && !*there ? TagStanding::absent_gpu : TagStanding::other_gpu;
}

std::string mapping_fix(const Judge& judge) {
  return std::format(
      "load with `torch.load(path, map_location=\"{}\")` and say so with `checks: {{device-mapping: "
      "{{map_location: always}}}}`, or save after `model.to(\"cpu\")`",
      judge.facts.model.device);
}

void judge_tag(Judge& judge, const Tags& tags, const std::string& tag, std::uint64_t count) {
  const Device device = read_device(tag);
  const auto example = tags.examples.find(tag);
  const std::string key = example == tags.examples.end() ? "" : example->second;
  const std::string seen =
      std::format("{} of {} {} tagged `{}`", count, count_of(tags.total, "storage", "storages"),
                  count == 1 ? "is" : "are", tag);
  switch (standing_of(judge, device)) {
    case TagStanding::fine:
      return;
    case TagStanding::foreign:
      judge.add(
          "foreign-storage",
          std::format("{}; the target device is `{}`, where `torch.load` without `map_location` {}", seen,
                      judge.facts.model.device,
                      device.type == "cuda" ? "fails (\"Attempting to deserialize object on a CUDA device\")"
                                            : "fails or does not know the tag"),
          mapping_fix(judge), key);
      return;
    case TagStanding::absent_gpu:
      judge.add("gpu-index-absent", std::format("{}; this host has {}", seen, gpus_of(*judge.facts.host)),
                mapping_fix(judge), key);
      return;
    case TagStanding::other_gpu:
      judge.add("other-gpu",
                std::format("{}; the model is served on `{}`, so loading fills the memory of both", seen,
                            judge.facts.model.device),
                mapping_fix(judge), key);
      return;
  }
}

void judge_tags(Judge& judge, const ArtifactFacts& artifact) {
  const Tags tags = find_tags(artifact);
  std::vector<std::string> words;
  for (const auto& [tag, count] : tags.counts) {
    words.push_back(std::format("{} ({})", tag, count));
  }
  judge.judgement.saw("storage tags", words.empty() ? "none" : join_words(words));
  if (judge.options.map_location == MapLocation::always) {
    judge.judgement.saw("map_location", "the config says that the service gives it");
  } else {
    for (const auto& [tag, count] : tags.counts) {
      judge_tag(judge, tags, tag, count);
    }
  }
  if (tags.counts.size() > 1) {
    judge.add("mixed-tags",
              std::format("the file's storages are tagged for {} devices: {}", tags.counts.size(),
                          join_words(words)),
              "save after `model.to(\"cpu\")`, so that no tensor remembers where it was trained");
  }
}

// Tensors without data come back from `torch.load` as they are, and fail at the first use.
void judge_meta(Judge& judge, const ArtifactFacts& artifact) {
  const StateDictChoice choice = choose_state_dict(artifact, judge.facts.model);
  const bool rebuilds_meta = std::ranges::any_of(artifact.globals, [](const GlobalFacts& global) {
    return global.name == "_rebuild_meta_tensor_no_storage";
  });
  std::vector<std::string> found;
  for (const TensorFacts& tensor : artifact.tensors) {
    const bool tagged =
        tensor.storage >= 0 && static_cast<std::size_t>(tensor.storage) < artifact.storages.size() &&
        read_device(artifact.storages[static_cast<std::size_t>(tensor.storage)].device).type == "meta";
    const bool bare = rebuilds_meta && tensor.storage < 0 && tensor.layout == "strided";
    const bool counts = choice.chosen == nullptr || state_dict_key(tensor.path, choice.chosen->path);
    if ((tagged || bare) && counts) {
      found.push_back(tensor.path);
    }
  }
  if (!found.empty()) {
    judge.add("meta-tensor",
              std::format("{} on the `meta` device, with a shape and no data: {}",
                          found.size() == 1 ? "1 tensor is" : std::format("{} tensors are", found.size()),
                          join_quoted(found, 4)),
              "load real weights into the model before saving it (`load_state_dict(..., assign=True)`)",
              found.front());
  }
}

void judge_runtimes(Judge& judge) {
  for (const auto& runtime : judge.facts.runtimes) {
    if (!runtime) {
      continue;
    }
    // What a second one lacks is no matter of the first, which had it.
    if (speaking_witness(judge.facts) != nullptr && runtime->load.stage != LoadStage::done &&
        &runtime != &judge.facts.runtimes.front()) {
      continue;
    }
    const WitnessFacts& witness = runtime->witness;
    if (runtime->load.stage == LoadStage::device && !judge.judgement.undecided) {
      judge.judgement.undecided = std::format("{} {} could not use the device: {}", witness.library,
                                              witness.version, first_line(runtime->load.error, 200));
    }
    if (runtime->load.stage != LoadStage::done) {
      continue;
    }
    judge.judgement.saw("loaded on", witness_words(witness));
    if (!runtime->load.providers_asked.empty()) {
      judge.judgement.saw("execution providers", std::format("asked for {}; the session has {}",
                                                             join(runtime->load.providers_asked, ", "),
                                                             join(runtime->load.providers, ", ")));
    }
    if (read_device(witness.device) == judge.target) {
      continue;
    }
    const bool has_it = std::ranges::any_of(runtime->load.devices, [&](const std::string& device) {
      return read_device(device) == judge.target;
    });
    if (has_it) {
      judge.add_config(
          "ran-elsewhere",
          std::format("{} {} ran the model on `{}`; the config asks for `{}`, which it has", witness.library,
                      witness.version, witness.device, judge.facts.model.device),
          runtime->load.providers_asked.empty()
              ? "move the model to the device after loading (`model.to(device)`) and look at the runtime's "
                "log"
              : "install the libraries that the execution provider was built for (CUDA, cuDNN), and look at "
                "the "
                "session's log: ONNX Runtime falls back to the CPU without an error");
    } else if (!judge.judgement.undecided) {
      judge.judgement.undecided =
          std::format("{} {} has no `{}` and ran the model on `{}`, so the real device was not tried",
                      witness.library, witness.version, judge.facts.model.device, witness.device);
    }
  }
}

}  // namespace

Judgement judge(const Facts& facts, const Options& options) {
  Judgement judgement;
  Judge judge{facts, options, judgement, read_device(facts.model.device)};
  judgement.saw("target device", facts.model.device);
  if (!judge_name(judge)) {
    return judgement;
  }
  judge_host(judge);
  if (const auto obstacle = inside_obstacle(facts)) {
    judgement.undecided = *obstacle;
    return judgement;
  }
  judge_tags(judge, *facts.artifact);
  judge_meta(judge, *facts.artifact);
  judge_runtimes(judge);
  if (const auto damage = damage_obstacle(facts); damage && facts.artifact->storages.empty()) {
    judgement.undecided = *damage;
  }
  return judgement;
}

extern const CheckInfo kCheck;
const CheckInfo kCheck = define_check<Options, judge>("device-mapping", kFindings,
                                                      {.artifact = true, .host = true, .conversions = true});

}  // namespace runup::checks::device_mapping
