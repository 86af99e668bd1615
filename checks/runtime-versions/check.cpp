// SPDX-License-Identifier: Apache-2.0
#include "check/check.h"

#include <algorithm>
#include <array>
#include <format>
#include <set>

#include "base/text.h"
#include "check/predictor.h"
#include "check/requirements.h"
#include "check/source.h"
#include "check/wording.h"
#include "facts/version.h"
#include "facts/weights_only.h"

namespace runup::checks::runtime_versions {

constexpr std::array kFindings{
    FindingInfo{"too-old-for-file", Severity::error, "the wanted release cannot read the model file"},
    FindingInfo{"refused-by-default", Severity::error,
                "the wanted torch refuses the file as the service loads it"},
    FindingInfo{"unknown-argument", Severity::error,
                "the wanted torch does not know an argument of the service's load"},
    FindingInfo{"unsafe-load", Severity::note,
                "in the wanted torch `weights_only=True` can still run code of the file"},
    FindingInfo{"two-onnxruntimes", Severity::warning, "two releases of ONNX Runtime share one folder"},
    FindingInfo{"cpu-build", Severity::error, "a torch for CPUs is wanted, and the model is served on a GPU"},
    FindingInfo{"gpu-build-on-cpu", Severity::note,
                "a torch for GPUs is wanted, and the model is served on a CPU"},
    FindingInfo{"wrong-python", Severity::error,
                "the Python of the image is not one that the project supports"},
    FindingInfo{"other-python", Severity::warning,
                "the image has another Python than the interpreter that was asked"},
    FindingInfo{"incompatible-pins", Severity::error, "two wanted releases do not work together"},
    FindingInfo{"other-than-saved-with", Severity::warning,
                "the file was saved with another release than is wanted"},
    FindingInfo{"not-as-required", Severity::warning,
                "the interpreter has another release than the requirements say"},
    FindingInfo{"not-installed", Severity::warning, "the interpreter lacks what the requirements say"}};

namespace {

struct Judge {
  const Facts& facts;
  Judgement& judgement;
  // null without an interpreter's answer
  const PythonFacts* python = nullptr;
  WantedProjects wanted;

  void add(std::string_view id, std::string message, std::string fix, Location where) {
    judgement.findings.push_back(
        make_finding(kFindings, id, std::move(message), std::move(fix), std::move(where)));
  }
  const InstalledFacts* installed(const std::string& name) const { return installed_project(python, name); }
};

std::string wanted_words(const std::string& name, const Wanted& wanted) { return name + wanted.specifiers; }

// What in the file only newer releases read: PyTorch's release notes.
struct TorchNeed {
  std::string_view dtype;
  std::string_view since;
};
constexpr std::array<TorchNeed, 7> kTorchNeeds{{{"uint16", "2.3"},
                                                {"uint32", "2.3"},
                                                {"uint64", "2.3"},
                                                {"float8_e4m3fn", "2.1"},
                                                {"float8_e5m2", "2.1"},
                                                {"float8_e4m3fnuz", "2.2"},
                                                {"float8_e5m2fnuz", "2.2"}}};

bool is_older(const std::string& version, std::string_view than) {
  const auto one = Version::parse(version);
  const auto other = Version::parse(than);
  return one && other && *one < *other;
}

// The release that will run: the pinned one, else what the interpreter has.
std::string running(const Judge& judge, const std::string& name) {
  const auto wanted = judge.wanted.find(name);
  if (wanted != judge.wanted.end() && !wanted->second.version.empty()) {
    return wanted->second.version;
  }
  const InstalledFacts* installed = judge.installed(name);
  return installed != nullptr ? installed->version : "";
}

Location where_wanted(const Judge& judge, const std::string& name) {
  const auto wanted = judge.wanted.find(name);
  return wanted != judge.wanted.end() ? wanted->second.where : model_location(judge.facts);
}

void judge_torch(Judge& judge) {
  const std::string torch = running(judge, "torch");
  if (torch.empty()) {
    return;
  }
  for (const TensorFacts& tensor : judge.facts.artifact->tensors) {
    const auto need = std::ranges::find(kTorchNeeds, std::string_view(tensor.dtype), &TorchNeed::dtype);
    if (need != kTorchNeeds.end() && is_older(torch, need->since)) {
      judge.add("too-old-for-file",
                std::format("`{}` in `{}` is {}, which PyTorch has since {}; torch {} is wanted", tensor.path,
                            model_file(judge.facts), tensor.dtype, need->since, torch),
                "require a newer torch, or save the tensor as another type", where_wanted(judge, "torch"));
      break;
    }
  }
  const std::string numpy = running(judge, "numpy");
  if (is_older(torch, "2.3") && !numpy.empty() && !is_older(numpy, "2")) {
    judge.add("incompatible-pins",
              std::format("torch {} was built for NumPy 1 and cannot use numpy {}: `Numpy is not available`",
                          torch, numpy),
              "require `numpy<2`, or torch 2.3 or newer", where_wanted(judge, "numpy"));
  }
}

// `sklearn.preprocessing.LabelEncoder`, as sources import it, for `sklearn.preprocessing._label.LabelEncoder`, as pickles name
// it: the project and the name.
std::string project_and_name(std::string_view global) {
  return std::format("{}:{}", global.substr(0, global.find('.')), global.substr(global.rfind('.') + 1));
}

// What `torch.load` with `weights_only=True` would refuse in the file, beyond what the sources allow.
std::vector<std::string> refused_globals(const Judge& judge) {
  std::set<std::string> allowed;
  for (const SourceSafeGlobalsFacts& one : judge.facts.source->safe_globals) {
    for (const std::string& name : one.names) {
      allowed.insert(project_and_name(name));
    }
  }
  std::vector<std::string> refused;
  for (const GlobalFacts& global : judge.facts.artifact->globals) {
    const std::string name = global_name(global.module, global.name);
    if (standing_of(global.module, global.name) != GlobalStanding::allowed &&
        !allowed.contains(project_and_name(name)) && std::ranges::find(refused, name) == refused.end()) {
      refused.push_back(name);
    }
  }
  // A name that the sources build is not known here.
  return allowed.contains(project_and_name("")) ? std::vector<std::string>{} : refused;
}

bool is_checkpoint(ArtifactKind kind) {
  return kind == ArtifactKind::torch_zip || kind == ArtifactKind::torch_legacy;
}

// `weights_only` is there since PyTorch 1.13 and true by default since 2.6.
void judge_loads(Judge& judge) {
  const auto wanted = judge.wanted.find("torch");
  const InstalledFacts* installed = judge.installed("torch");
  const std::string torch = running(judge, "torch");
  if (!judge.facts.source || torch.empty() || !is_checkpoint(judge.facts.artifact->kind)) {
    return;
  }
  // The service's own loading has shown it, where that torch has the same default.
  const bool shown = installed != nullptr && is_older(installed->version, "2.6") == is_older(torch, "2.6");
  for (const SourceLoadFacts* load : model_loads(judge.facts)) {
    if (load->call != "torch.load" || load->find_class) {
      continue;
    }
    if (!load->weights_only.empty() && is_older(torch, "1.13")) {
      judge.add(
          "unknown-argument",
          std::format(
              "`{}` calls `torch.load` with `weights_only`, which PyTorch has since 1.13; torch {} is wanted",
              place_words(load->place), torch),
          "require a newer torch",
          wanted != judge.wanted.end() ? wanted->second.where : location_of(load->place));
      return;
    }
    if (load->weights_only == "True" && is_older(torch, "2.6")) {
      judge.add("unsafe-load",
                std::format(
                    "`{}` relies on `weights_only=True`, which a prepared file gets round before PyTorch 2.6 "
                    "(CVE-2025-32434); torch {} is wanted",
                    place_words(load->place), torch),
                "require torch 2.6 or newer, or ship safetensors", where_wanted(judge, "torch"));
    }
    const bool restricted =
        load->weights_only == "True" || (load->weights_only.empty() && !is_older(torch, "2.6"));
    if (!restricted || shown) {
      continue;
    }
    if (const auto refused = refused_globals(judge); !refused.empty()) {
      judge.add(
          "refused-by-default",
          load->weights_only.empty()
              ? std::format(
                    "`{}` calls `torch.load` without `weights_only`, which is `True` since PyTorch 2.6; "
                    "torch {} is wanted, and refuses {} in `{}`",
                    place_words(load->place), torch, join_quoted(refused, 3), model_file(judge.facts))
              : std::format("`{}` calls `torch.load` with `weights_only=True`, which refuses {} in `{}`",
                            place_words(load->place), join_quoted(refused, 3), model_file(judge.facts)),
          "save plain data beside the state_dict (`encoder.classes_.tolist()`), or allow the classes with "
          "`torch.serialization.add_safe_globals` before loading",
          location_of(load->place));
      return;
    }
  }
}

// "cu124" of `torch==2.6.0+cu124` or of the index that it comes from; empty when nothing says so.
std::string wanted_build(const Judge& judge) {
  std::string build;
  const auto note = [&](const std::string& name, const std::string& torch_build) {
    build = name == "torch" && !torch_build.empty() ? torch_build : build;
  };
  const RequirementsFacts& requirements = judge.facts.package->requirements;
  for (const IndexFacts& index : requirements.indexes) {
    note("torch", index.torch_build);
  }
  for (const RequirementFacts& one : requirements.requirements) {
    note(one.name, one.torch_build);
  }
  for (const LockedFacts& one : judge.facts.package->locked) {
    note(one.name, one.torch_build);
  }
  return build;
}

// They install the same module: the one that came last is there, and only one of them has CUDA.
void judge_onnxruntimes(Judge& judge) {
  std::vector<std::string> found;
  for (const char* name :
       {"onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino"}) {
    if (judge.wanted.contains(name) || judge.installed(name) != nullptr) {
      found.emplace_back(name);
    }
  }
  if (found.size() > 1) {
    judge.add(
        "two-onnxruntimes",
        std::format(
            "{} are wanted together; they overwrite each other's files, and what is there has perhaps no "
            "CUDA",
            join_quoted(found, 4)),
        "require one of them", where_wanted(judge, found.back()));
  }
}

void judge_build(Judge& judge) {
  const std::string build = wanted_build(judge);
  const std::string& device = judge.facts.model.device;
  const bool gpu = device.starts_with("cuda");
  if (build.empty()) {
    return;
  }
  judge.judgement.saw("torch's build", build);
  if (gpu && build == "cpu") {
    judge.add(
        "cpu-build",
        std::format("the requirements bring torch's `{}` build; the model is served on `{}`", build, device),
        "require the build for the server's CUDA release, or set `device: cpu`",
        where_wanted(judge, "torch"));
  } else if (!gpu && (build.starts_with("cu") || build.starts_with("rocm"))) {
    judge.add(
        "gpu-build-on-cpu",
        std::format(
            "the requirements bring torch's `{}` build, some gigabytes for GPUs; the model is served on "
            "`{}`",
            build, device.empty() ? "cpu" : device),
        "require the `cpu` build where no GPU is used", where_wanted(judge, "torch"));
  }
}

// "3.11" of the image `python:3.11-slim`; empty for others.
std::string image_python(const Judge& judge) {
  if (!judge.facts.package->dockerfile) {
    return "";
  }
  const std::string& image = judge.facts.package->dockerfile->built.image;
  const std::size_t colon = image.rfind(':');
  std::string_view name = std::string_view(image).substr(0, colon);
  name = name.substr(name.rfind('/') + 1);
  if (colon == std::string::npos || name != "python") {
    return "";
  }
  const std::string tag = image.substr(colon + 1);
  const std::string version = tag.substr(0, tag.find('-'));
  return version.contains('.') && Version::parse(version) ? version : "";
}

void judge_python(Judge& judge) {
  const std::string image = image_python(judge);
  const std::string& supported = judge.facts.package->requirements.python;
  const Location from{.file = judge.facts.package->dockerfile ? judge.facts.package->dockerfile->file : "",
                      .key = {},
                      .line = judge.facts.package->dockerfile
                                  ? std::optional(judge.facts.package->dockerfile->built.line)
                                  : std::nullopt};
  const auto specifiers = Specifiers::parse(supported);
  const std::string asked = judge.python != nullptr && !judge.python->guessed ? judge.python->version : "";
  const std::string deployed = image.empty() ? asked : image;
  const auto version = Version::parse(deployed);
  if (specifiers && version && !supported.empty() && !specifiers->hold_for(*version)) {
    judge.add("wrong-python",
              std::format("the project supports Python `{}`; {} {}", supported,
                          image.empty() ? std::format("`{}` is", judge.python->executable) : "the image has",
                          deployed),
              "deploy a Python that the project supports",
              image.empty() ? model_location(judge.facts) : from);
  }
  const auto other = Version::parse(asked);
  if (!image.empty() && version && other &&
      (version->part(0) != other->part(0) || version->part(1) != other->part(1))) {
    judge.add("other-python",
              std::format("the image has Python {}; `{}`, which was asked here, is {}", image,
                          judge.python->executable, asked),
              "name an interpreter of the image's release in `python:`, or run this in the image", from);
  }
}

void judge_numpy(Judge& judge) {
  const std::string numpy = running(judge, "numpy");
  for (const GlobalFacts& global : judge.facts.artifact->globals) {
    if (global.module.starts_with("numpy._core") && is_older(numpy, "1.26")) {
      judge.add("too-old-for-file",
                std::format("`{}` was pickled by NumPy 2 (`{}.{}`), which numpy {} does not have",
                            model_file(judge.facts), global.module, global.name, numpy),
                "require the numpy that the file was saved with, or save plain lists instead of arrays",
                where_wanted(judge, "numpy"));
      return;
    }
  }
}

void judge_scikit_learn(Judge& judge) {
  const std::string wanted = running(judge, "scikit-learn");
  const auto release = Version::parse(wanted);
  std::vector<const LabelListFacts*> lists;
  for (const Observed<ArtifactFacts>* artifact : {&judge.facts.artifact, &judge.facts.label_file}) {
    if (*artifact) {
      for (const LabelListFacts& labels : (*artifact)->label_lists) {
        lists.push_back(&labels);
      }
    }
  }
  for (const LabelListFacts* labels : lists) {
    const auto saved = Version::parse(labels->sklearn_version);
    if (!release || !saved || (release->part(0) == saved->part(0) && release->part(1) == saved->part(1))) {
      continue;
    }
    judge.add("other-than-saved-with",
              std::format(
                  "`{}` was saved with scikit-learn {}; {} is wanted, and says `InconsistentVersionWarning`",
                  labels->path, labels->sklearn_version, wanted),
              "require the release that the file was saved with, or save `encoder.classes_.tolist()`",
              where_wanted(judge, "scikit-learn"));
    return;
  }
}

void judge_installed(Judge& judge) {
  if (judge.python == nullptr || judge.python->installed.empty()) {
    return;
  }
  std::size_t as_wanted = 0;
  for (const auto& [name, wanted] : judge.wanted) {
    const InstalledFacts* installed = judge.installed(name);
    if (installed == nullptr) {
      judge.add("not-installed",
                std::format("`{}` is required; `{}` does not have it", wanted_words(name, wanted),
                            judge.python->executable),
                "install the requirements into the service's interpreter, or name that one in `python:`",
                wanted.where);
      continue;
    }
    const auto specifiers = Specifiers::parse(wanted.specifiers);
    const auto version = Version::parse(installed->version);
    if (specifiers && version && !specifiers->hold_for(version->base()) && !specifiers->hold_for(*version)) {
      judge.add("not-as-required",
                std::format("`{}` is required; `{}` has {}", wanted_words(name, wanted),
                            judge.python->executable, installed->version),
                "install the requirements into the service's interpreter, or name that one in `python:`",
                wanted.where);
    } else {
      ++as_wanted;
    }
  }
  judge.judgement.saw("installed as required", std::format("{} of {}", as_wanted, judge.wanted.size()));
}

}  // namespace

Judgement judge(const Facts& facts, const NoOptions&) {
  if (!facts.package) {
    return Judgement::cannot_tell(absence_text("the package", facts.package.absence.value_or(Absence{})));
  }
  if (const auto obstacle = inside_obstacle(facts)) {
    return Judgement::cannot_tell(*obstacle);
  }
  const PythonFacts* python = interpreter_facts(facts);
  if (facts.package->requirement_files.empty() && (python == nullptr || facts.model.factory.empty())) {
    return facts.model.factory.empty()
               ? Judgement::skip("the package has no requirements, and the config names no `factory:`")
               : without_predictor(facts);
  }
  Judgement judgement;
  Judge judge{facts, judgement, python, wanted_projects(facts)};
  judgement.saw("required",
                facts.package->requirement_files.empty()
                    ? std::string("nothing: the package has no requirements file")
                    : std::format("{} in {}", count_of(judge.wanted.size(), "project", "projects"),
                                  join_quoted(facts.package->requirement_files, 3)));
  for (const char* name : {"torch", "onnxruntime", "numpy", "scikit-learn"}) {
    if (const std::string version = running(judge, name); !version.empty()) {
      judgement.saw(name, version);
    }
  }
  judge_torch(judge);
  judge_loads(judge);
  judge_onnxruntimes(judge);
  judge_build(judge);
  judge_python(judge);
  judge_numpy(judge);
  judge_scikit_learn(judge);
  judge_installed(judge);
  return judgement;
}

extern const CheckInfo kCheck;
const CheckInfo kCheck = define_check<NoOptions, judge>(
    "runtime-versions", kFindings,
    {.package = true, .artifact = true, .host = true, .source = true, .predictor = true});

}  // namespace runup::checks::runtime_versions
