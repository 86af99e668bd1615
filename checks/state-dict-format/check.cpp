// SPDX-License-Identifier: Apache-2.0
#include "check/check.h"

#include <algorithm>
#include <array>
#include <format>
#include <map>

#include "base/text.h"
#include "check/wording.h"
#include "facts/state_dict.h"
#include "key_names.h"
#include "sizes.h"

namespace runup::checks::state_dict_format {

struct Options {
  double max_residue = 0.05;
  static constexpr auto fields() {
    return std::tuple{
        Field{"max_residue", &Options::max_residue,
              "share of the file's tensor bytes that may belong to something else than the weights",
              Rule{.min = 0, .max = 1}}};
  }
};

constexpr std::array kFindings{
    FindingInfo{"no-state-dict", Severity::error, "the file has no mapping of names to weights"},
    FindingInfo{"several-candidates", Severity::error,
                "several mappings could be the weights, and nothing says which"},
    FindingInfo{"key-missing", Severity::error, "the file has no such key as `state_dict:` names"},
    FindingInfo{"not-a-state-dict", Severity::error,
                "what `state_dict:` names is no mapping of names to tensors"},
    FindingInfo{"whole-module", Severity::warning,
                "the file holds a pickled object instead of its state_dict"},
    FindingInfo{"wrapper-prefix", Severity::error, "every key begins with a training wrapper's prefix"},
    FindingInfo{"mixed-prefix", Severity::error,
                "some keys begin with a training wrapper's prefix and some do not"},
    FindingInfo{"inner-prefix", Severity::warning, "a training wrapper's prefix stands inside the keys"},
    FindingInfo{"prefix-mismatch", Severity::error,
                "keys of the file and of the architecture differ by a prefix"},
    FindingInfo{"missing-keys", Severity::error, "the architecture wants keys that the state_dict lacks"},
    FindingInfo{"unexpected-keys", Severity::error,
                "the state_dict has keys that the architecture does not want"},
    FindingInfo{"misshapen-keys", Severity::error, "tensors have other shapes than the architecture wants"},
    FindingInfo{"training-residue", Severity::warning, "much of the file is not the model's weights"},
    FindingInfo{"view-waste", Severity::warning, "tensors are views into much larger storages"},
    FindingInfo{"half-on-cpu", Severity::warning, "float16 weights are served by a CPU"},
    FindingInfo{"mixed-dtypes", Severity::note, "the weights have several floating-point types"}};

namespace {

constexpr std::uint64_t kWasteWorthTelling = 65536;
constexpr double kWasteShare = 0.1;
// Names in one message.
constexpr std::size_t kNamed = 4;

struct Judge {
  const Facts& facts;
  const ArtifactFacts& artifact;
  const Options& options;
  Judgement& judgement;
  const StateDictFacts* chosen = nullptr;

  void add(std::string_view id, std::string message, std::string fix, std::string key = "") {
    judgement.findings.push_back(make_finding(
        kFindings, id, std::move(message), std::move(fix),
        model_location(facts, key.empty() && chosen != nullptr ? chosen->path : std::move(key))));
  }
  std::string name() const {
    return chosen->path.empty() ? "the state_dict" : std::format("`{}`", chosen->path);
  }
};

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
      message += std::format("; it has `{}` ({})", other.path, other.role);
      other_fix += std::format("; if `{0}` is what is served, say so with `state_dict: {0}`", other.path);
    } else if (!judge.artifact.root_type.empty()) {
      message += std::format("; its root is a `{}`", judge.artifact.root_type);
    }
    judge.add("no-state-dict", std::move(message), std::move(other_fix));
  }
}

// How the weights fit the architecture, from the first runtime that compared them.
struct Fit {
  const KeyMatchFacts* keys = nullptr;
  // what was compared is source: its unused keys may be wanted by the service's own module
  bool source = false;
  bool complete() const {
    return keys != nullptr && keys->missing.empty() && keys->unexpected.empty() && keys->misshapen.empty();
  }
};

Fit find_fit(const Facts& facts) {
  for (const auto& runtime : facts.runtimes) {
    if (runtime && runtime->load.keys) {
      return {.keys = &*runtime->load.keys, .source = runtime->witness.form.contains("source")};
    }
  }
  return {};
}

// Says why the keys were not compared, where that matters.
void judge_no_fit(Judge& judge) {
  if (judge.facts.model.architecture.empty()) {
    judge.judgement.saw("architecture", "none is given, so the keys were compared with nothing");
    return;
  }
  for (const auto& runtime : judge.facts.runtimes) {
    if (runtime) {
      judge.judgement.undecided = std::format(
          "the keys were not compared with the architecture: {} stopped before ({}); see `inference`",
          witness_words(runtime->witness), first_line(runtime->load.error, 160));
      return;
    }
    if (runtime.absence && runtime.absence->kind != AbsenceKind::not_requested) {
      judge.judgement.undecided = "the keys were not compared with the architecture: " +
                                  absence_text("the model's run", *runtime.absence);
      return;
    }
  }
  judge.judgement.saw("architecture", "not compared in this run");
}

std::string strip_fix(std::string_view chain) {
  return std::format(
      "save the inner model's `state_dict()`, or strip the prefix when loading: "
      "`{{k.removeprefix(\"{}\"): v for k, v in state_dict.items()}}`",
      chain);
}

// True when the wrappers' prefixes are reported, so that what they explain need not be told again.
void judge_wrapping(Judge& judge, const std::vector<std::string>& keys) {
  const Wrapping wrapping = find_wrapping(keys);
  if (!wrapping.chain.empty()) {
    const std::string makers = wrapper_makers(wrapping.chain);
    if (wrapping.bare == 0 && wrapping.other_chain == 0) {
      judge.add("wrapper-prefix",
                std::format("all {} of {} begin with `{}` ({}); the model without its wrapper has none",
                            count_of(keys.size(), "key", "keys"), judge.name(), wrapping.chain, makers),
                strip_fix(wrapping.chain));
    } else {
      judge.add("mixed-prefix",
                std::format("{} of {} keys of {} begin with `{}` ({}), others do not, such as `{}`",
                            wrapping.with_chain, keys.size(), judge.name(), wrapping.chain, makers,
                            wrapping.bare > 0 ? wrapping.bare_example : "keys with another wrapper"),
                "save one unwrapped model's `state_dict()`; this one was put together from two");
    }
    judge.judgement.findings.back().evidence.push_back({.name = "example", .value = wrapping.example});
  }
  if (wrapping.inner > 0) {
    const std::string_view chain = inner_wrapper(wrapping.inner_example);
    judge.add(
        "inner-prefix",
        std::format("{} of {} have `{}` inside ({}), such as `{}`", count_of(wrapping.inner, "key", "keys"),
                    judge.name(), chain, wrapper_makers(chain), wrapping.inner_example),
        std::format("save the submodule without its wrapper, or drop the part when loading: "
                    "`k.replace(\".{}\", \".\")`",
                    chain));
  }
}

void judge_misshapen(Judge& judge, const KeyMatchFacts& keys) {
  if (keys.misshapen.empty()) {
    return;
  }
  std::vector<std::string> words;
  for (const ShapeMismatchFacts& key : keys.misshapen) {
    words.push_back(std::format("`{}` is {}, the architecture wants {}", key.key, shape_text(key.actual),
                                shape_text(key.expected)));
  }
  judge.add("misshapen-keys",
            std::format("{} of {} {} another shape: {}", count_of(words.size(), "tensor", "tensors"),
                        judge.name(), words.size() == 1 ? "has" : "have", join_words(words, 3)),
            "build the model with the sizes it was trained with (classes, features, hidden units), best read "
            "from the weights");
}

void judge_fit(Judge& judge, const Fit& fit) {
  const KeyMatchFacts& keys = *fit.keys;
  judge.judgement.saw(
      "architecture",
      std::format("{} of its keys matched, {} missing, {} unexpected, {} of another shape", keys.matched,
                  keys.missing.size(), keys.unexpected.size(), keys.misshapen.size()));
  std::vector<std::string> missing = keys.missing;
  std::vector<std::string> unexpected = keys.unexpected;
  if (auto explanation = explain_by_prefix(missing, unexpected)) {
    // A wrapper's prefix is reported by itself.
    const bool known = explanation->in_file && wrapper_chain(explanation->prefix) == explanation->prefix;
    if (!known) {
      judge.add(
          "prefix-mismatch",
          std::format("{} of {} differ from the architecture's only by the prefix `{}`, which {}",
                      count_of(missing.size() - explanation->missing.size(), "key", "keys"), judge.name(),
                      explanation->prefix, explanation->in_file ? "the file has" : "the architecture has"),
          explanation->in_file
              ? strip_fix(explanation->prefix)
              : "load the weights into the submodule that they were saved from, or save the whole model's "
                "`state_dict()`");
    }
    missing = std::move(explanation->missing);
    unexpected = std::move(explanation->unexpected);
  }
  std::string renames;
  for (const auto& [in_file, wanted] : guess_renames(missing, unexpected, 3)) {
    renames += std::format("; `{}` may be the architecture's `{}`", in_file, wanted);
  }
  if (!missing.empty()) {
    judge.add("missing-keys",
              std::format("{} {} {} that the architecture wants: {}{}", judge.name(), "lacks",
                          count_of(missing.size(), "key", "keys"), join_quoted(missing, kNamed), renames),
              "deploy the weights that belong to this version of the model; with `strict=False` these layers "
              "would be served "
              "untrained");
  }
  if (!unexpected.empty()) {
    judge.add("unexpected-keys",
              std::format("{} has {} that the architecture {}: {}", judge.name(),
                          count_of(unexpected.size(), "key", "keys"),
                          fit.source ? "never reads" : "does not have", join_quoted(unexpected, kNamed)),
              "deploy the weights that belong to this version of the model, or drop the keys before saving");
    // Source reads what it needs; the service's own module may have buffers that no inference touches.
    if (fit.source && missing.empty() && keys.misshapen.empty()) {
      judge.judgement.findings.back().severity = Severity::warning;
    }
  }
  judge_misshapen(judge, keys);
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
    judge.add(
        "view-waste",
        std::format("{} in {} keep {} that no tensor shows; `{}` shows {} of {}",
                    count_of(waste.storages, "storage", "storages"), judge.name(), format_bytes(waste.bytes),
                    waste.worst, format_bytes(waste.worst_shown), format_bytes(waste.worst_storage)),
        "clone views before saving: `{k: v.clone() for k, v in model.state_dict().items()}`");
  }
}

void judge_dtypes(Judge& judge, const std::vector<const TensorFacts*>& tensors) {
  std::map<std::string, std::uint64_t> counts;
  for (const TensorFacts* tensor : tensors) {
    if (tensor->dtype.contains("float")) {
      ++counts[tensor->dtype];
    }
  }
  std::vector<std::string> words;
  for (const auto& [dtype, count] : counts) {
    words.push_back(std::format("{} {}", count, dtype));
  }
  judge.judgement.saw("dtypes", words.empty() ? "no floating-point tensor" : join_words(words));
  const bool ran = std::ranges::any_of(judge.facts.runtimes, [](const auto& runtime) {
    return runtime && std::ranges::any_of(runtime->experiments, [](const ExperimentFacts& experiment) {
             return !experiment.outputs.empty() && experiment.error.empty();
           });
  });
  if (counts.contains("float16") && judge.facts.model.device == "cpu" && !ran) {
    judge.add("half-on-cpu",
              std::format("{} of {} are float16 and the device is `cpu`: PyTorch before 2.2 has no CPU "
                          "kernels for them, later ones are slow",
                          count_of(counts["float16"], "tensor", "tensors"), judge.name()),
              "convert the model before saving (`model.float()`), or serve it in bfloat16 or on a GPU");
  }
  if (counts.size() > 1) {
    judge.add("mixed-dtypes",
              std::format("{} has several floating-point types: {}", judge.name(), join_words(words)),
              "convert the model to one type before saving (`model.float()`), unless the mix is meant");
  }
}

void judge_chosen(Judge& judge) {
  std::vector<std::string> keys;
  std::vector<const TensorFacts*> tensors;
  for (const TensorFacts& tensor : judge.artifact.tensors) {
    if (const auto key = state_dict_key(tensor.path, judge.chosen->path)) {
      keys.emplace_back(*key);
      tensors.push_back(&tensor);
    }
  }
  judge.judgement.saw(
      "state_dict",
      std::format("{}, {}, {}", judge.chosen->path.empty() ? "(root)" : judge.name(),
                  count_of(judge.chosen->tensors, "tensor", "tensors"), format_bytes(judge.chosen->bytes)));
  const Fit fit = find_fit(judge.facts);
  // Keys that the architecture wants as they are, are right whatever they look like.
  if (!fit.complete()) {
    judge_wrapping(judge, keys);
  }
  if (fit.keys != nullptr) {
    judge_fit(judge, fit);
  } else {
    judge_no_fit(judge);
  }
  judge_whole_module(judge);
  judge_sizes(judge);
  judge_dtypes(judge, tensors);
  if (const auto damage = damage_obstacle(judge.facts); damage && !judge.judgement.undecided) {
    judge.judgement.undecided = *damage;
  }
}

// Why the check does not apply to files of this kind; empty when it does.
std::optional<Judgement> not_applicable(const Facts& facts) {
  using enum ArtifactKind;
  switch (facts.artifact->kind) {
    case torch_zip:
    case torch_legacy:
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

Judgement judge(const Facts& facts, const Options& options) {
  if (const auto obstacle = content_obstacle(facts)) {
    return Judgement::cannot_tell(*obstacle);
  }
  if (auto other = not_applicable(facts)) {
    return *other;
  }
  Judgement judgement;
  const StateDictChoice choice = choose_state_dict(*facts.artifact, facts.model);
  Judge judge{facts, *facts.artifact, options, judgement, choice.chosen};
  judgement.saw("mappings of tensors", std::to_string(facts.artifact->state_dicts.size()));
  if (choice.chosen == nullptr) {
    judge_no_choice(judge, choice);
  } else {
    judge_chosen(judge);
  }
  return judgement;
}

extern const CheckInfo kCheck;
// The comparison with the architecture is read where a runtime made it for another check; asking for
// one here would cost a static run of this check 0.3 s of libtorch.
const CheckInfo kCheck = define_check<Options, judge>("state-dict-format", kFindings, {.artifact = true});

}  // namespace runup::checks::state_dict_format
