// SPDX-License-Identifier: Apache-2.0
#include "judge.h"

#include <algorithm>
#include <array>
#include <format>

#include "check/predictor.h"
#include "facts/state_dict.h"
#include "sizes.h"

namespace runup::checks::state_dict_format {

namespace {

constexpr std::uint64_t kWasteWorthTelling = 65536;
constexpr double kWasteShare = 0.1;

bool is_module_type(const ArtifactFacts& artifact, std::string_view type) {
  return type.starts_with("torch.nn.modules.") ||
         std::ranges::find(artifact.module_classes, type) != artifact.module_classes.end();
}

// Modules pickled as objects: their classes, the service's own first.
std::vector<std::string> module_types(const ArtifactFacts& artifact) {
  std::vector<std::string> types = artifact.module_classes;
  if (types.empty() && is_module_type(artifact, artifact.root_type)) {
    types.push_back(artifact.root_type);
  }
  return types;
}

// True when a pickled module explains what is wrong.
bool judge_whole_module(Judge& judge) {
  const std::vector<std::string> types = module_types(judge.artifact);
  if (types.empty()) {
    return false;
  }
  const bool of_script =
      std::ranges::any_of(types, [](const std::string& type) { return type.starts_with("__main__."); });
  judge.add("whole-module",
            std::format("`{}` holds pickled modules ({}); expected a state_dict of names and tensors",
                        model_file(judge.facts), join_quoted(types)),
            "save the weights alone: `torch.save(model.state_dict(), path)`");
  // The class of a script exists nowhere else: such a file can only be loaded by luck.
  judge.judgement.findings.back().severity = of_script ? Severity::error : Severity::warning;
  return true;
}

std::vector<std::string> shown_paths(std::vector<std::string> paths) {
  std::ranges::replace(paths, std::string(), std::string("(root)"));
  return paths;
}

std::string other_role_words(const std::string& role) {
  return role == "optimizer" ? "an optimizer's state"
         : role == "ema"     ? "an average of weights"
                             : "something else";
}

void judge_no_choice(Judge& judge, const StateDictChoice& choice) {
  if (choice.problem == StateDictProblem::several) {
    std::vector<Evidence> sizes;
    for (const StateDictFacts& candidate : judge.artifact.state_dicts) {
      if (std::ranges::find(choice.candidates, candidate.path) != choice.candidates.end()) {
        sizes.push_back({.name = candidate.path.empty() ? "(root)" : candidate.path,
                         .value = std::format("{}, {}", count_of(candidate.tensors, "tensor", "tensors"),
                                              format_bytes(candidate.bytes))});
      }
    }
    judge.add("several-candidates", choice.why_not,
              std::format("name the one that is served in the config: `state_dict: {}`",
                          shown_paths(choice.candidates).back()));
    judge.judgement.findings.back().evidence = std::move(sizes);
    return;
  }
  const bool module = judge_whole_module(judge);
  if (!module) {
    if (const auto damage = damage_obstacle(judge.facts)) {
      judge.judgement.undecided = *damage;
      return;
    }
  }
  const std::string fix =
      choice.candidates.empty()
          ? std::string("save the weights as `{\"model_state_dict\": model.state_dict()}`")
          : std::format("set `state_dict:` to {}", join_quoted(shown_paths(choice.candidates)));
  if (choice.problem == StateDictProblem::no_such_key) {
    judge.add("key-missing", choice.why_not, fix, judge.facts.model.state_dict);
  } else if (choice.problem == StateDictProblem::not_a_state_dict) {
    judge.add("not-a-state-dict", choice.why_not, fix, judge.facts.model.state_dict);
  } else if (!module) {
    std::string message = std::format("`{}` has no mapping of names to weights", model_file(judge.facts));
    std::string other_fix = fix;
    if (!judge.artifact.state_dicts.empty()) {
      const StateDictFacts& other = judge.artifact.state_dicts.front();
      message += std::format("; `{}` looks like {}", other.path, other_role_words(other.role));
      other_fix += std::format("; if `{0}` is what is served, say so with `state_dict: {0}`", other.path);
    } else if (!judge.artifact.root_type.empty()) {
      message += std::format("; its root is a `{}`", judge.artifact.root_type);
    }
    judge.add("state-dict-absent", std::move(message), std::move(other_fix));
  }
}

void judge_sizes(Judge& judge) {
  const Residue residue = find_residue(judge.artifact, *judge.chosen);
  if (residue.share() > judge.options.max_residue) {
    std::vector<std::string> parts;
    for (const Residue::Part& part : residue.parts) {
      parts.push_back(std::format("`{}` {}", part.key, format_bytes(part.bytes)));
    }
    judge.add("training-residue",
              std::format("{:.0f} % of the tensors' bytes ({} of {}) are not {}{}", residue.share() * 100,
                          format_bytes(residue.bytes), format_bytes(residue.total), judge.name(),
                          parts.empty() ? "" : ": " + join_words(parts, kNamed)),
              "save for serving only what the service reads: `torch.save({\"model_state_dict\": "
              "model.state_dict()}, path)`");
  } else if (residue.bytes > 0) {
    judge.judgement.saw("beside the weights", format_bytes(residue.bytes));
  }
  const ViewWaste waste = find_view_waste(judge.artifact, *judge.chosen);
  if (waste.bytes >= kWasteWorthTelling &&
      static_cast<double>(waste.bytes) > kWasteShare * static_cast<double>(judge.chosen->bytes)) {
    judge.add("view-waste",
              std::format("{} of {} {} {} that no tensor shows; `{}` shows {} of {}",
                          count_of(waste.storages, "storage", "storages"), judge.name(),
                          waste.storages == 1 ? "keeps" : "keep", format_bytes(waste.bytes), waste.worst,
                          format_bytes(waste.worst_shown), format_bytes(waste.worst_storage)),
              "clone views before saving: `{k: v.clone() for k, v in model.state_dict().items()}`");
  }
}

void judge_chosen(Judge& judge) {
  std::vector<std::string> keys;
  for (const TensorFacts& tensor : judge.artifact.tensors) {
    if (const auto key = state_dict_key(tensor.path, judge.chosen->path)) {
      keys.emplace_back(*key);
    }
  }
  judge.judgement.saw(
      "state_dict",
      std::format("{}, {}, {}", judge.chosen->path.empty() ? "(root)" : judge.name(),
                  count_of(judge.chosen->tensors, "tensor", "tensors"), format_bytes(judge.chosen->bytes)));
  if (judge.chosen->other_entries > 0) {
    judge.judgement.saw("entries that are no tensors", std::to_string(judge.chosen->other_entries));
  }
  judge_keys(judge, keys);
  judge_whole_module(judge);
  judge_sizes(judge);
  if (const auto damage = damage_obstacle(judge.facts); damage && !judge.judgement.undecided) {
    judge.judgement.undecided = *damage;
  } else if (!judge.artifact.cut.empty() && !judge.judgement.undecided) {
    judge.judgement.undecided = std::format("`{}` was not read to its end: left out were {}",
                                            model_file(judge.facts), join_words(judge.artifact.cut));
  }
}

// Why the check does not apply to files of this kind; empty when it does.
std::optional<Judgement> not_applicable(const Facts& facts) {
  using enum ArtifactKind;
  switch (facts.artifact->kind) {
    case torch_zip:
    case torch_legacy:
    case torch_tar:
    case safetensors:
      return std::nullopt;
    case torchscript:
    case torch_export:
    case onnx:
    case ort:
    case keras:
    case hdf5:
    case tensorflow_saved_model:
      return Judgement::skip(std::format("`{}` is {}, which carries its own structure", model_file(facts),
                                         kind_words(facts.artifact->kind)));
    default:
      return Judgement::cannot_tell(std::format("`{}` is {}; see `model-loadable`", model_file(facts),
                                                kind_words(facts.artifact->kind)));
  }
}

}  // namespace

// One inference, the same that `inference` asks for first, tells which keys an architecture in source
// form really reads.
std::vector<Experiment> plan(const ModelDeclaration& model, const Options&) {
  if (model.architecture.empty() || model.inputs.empty()) {
    return {};
  }
  return {{.kind = ExperimentKind::infer, .fill = Fill::random, .seed = 1}};
}

Judgement judge(const Facts& facts, const Options& options) {
  if (const auto obstacle = inside_obstacle(facts)) {
    return Judgement::cannot_tell(*obstacle);
  }
  if (auto other = not_applicable(facts)) {
    return *other;
  }
  Judgement judgement;
  const StateDictChoice choice = choose_state_dict(*facts.artifact, facts.model);
  Judge judge{facts, *facts.artifact, options, judgement, choice.chosen};
  if (choice.chosen == nullptr) {
    judgement.saw("mappings of tensors", std::to_string(facts.artifact->state_dicts.size()));
    judge_no_choice(judge, choice);
  } else {
    judge_chosen(judge);
  }
  if (predictor_holds_weights(facts)) {
    constexpr std::array<std::string_view, 3> kForetold{"wrapper-prefix", "inner-prefix", "whole-module"};
    refute(judgement, kForetold);
  }
  return judgement;
}

extern const CheckInfo kCheck;
const CheckInfo kCheck =
    define_check<Options, judge, plan>("state-dict-format", kFindings, {.artifact = true, .runtime = true});

}  // namespace runup::checks::state_dict_format
