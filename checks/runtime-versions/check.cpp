// SPDX-License-Identifier: Apache-2.0
#include "check/check.h"

#include <algorithm>
#include <array>
#include <format>

#include "base/text.h"
#include "check/predictor.h"
#include "check/requirements.h"
#include "check/wording.h"
#include "facts/version.h"

namespace runup::checks::runtime_versions {

constexpr std::array kFindings{
    FindingInfo{"too-old-for-file", Severity::error, "the wanted release cannot read the model file"},
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
  judge_numpy(judge);
  judge_scikit_learn(judge);
  judge_installed(judge);
  return judgement;
}

extern const CheckInfo kCheck;
const CheckInfo kCheck = define_check<NoOptions, judge>(
    "runtime-versions", kFindings, {.package = true, .artifact = true, .host = true, .predictor = true});

}  // namespace runup::checks::runtime_versions
