// SPDX-License-Identifier: Apache-2.0
#include "facts/labels.h"

#include <algorithm>
#include <array>
#include <format>
#include <ranges>

#include "base/text.h"
#include "facts/lines.h"
#include "facts/state_dict.h"

namespace runup {

namespace {

// Last parts of key paths under which people keep class names, in lower case.
constexpr std::array<std::string_view, 22> kLabelKeys{
    "label_encoder",  "labelencoder",   "encoder",    "le",           "labels",     "label_names",
    "label_map",      "class_names",    "classes",    "class_labels", "class_list", "class_map",
    "class_to_idx",   "idx_to_class",   "idx2class",  "class2idx",    "id2label",   "label2id",
    "index_to_class", "class_to_index", "categories", "names"};

bool is_named_like_labels(std::string_view path) {
  const std::string key = lower(last_name(path));
  return std::ranges::find(kLabelKeys, key) != kLabelKeys.end();
}

// An object of the checkpoint that a service most probably takes its class names from, and that is none of
// the things that are read as such: a OneHotEncoder under `label_encoder`.
const ObjectFacts* labels_not_understood(const ArtifactFacts& artifact) {
  const auto may_be = [](const ObjectFacts& object) {
    return !object.path.contains('.') && !object.path.contains('[') && is_named_like_labels(object.path) &&
           object.type.contains('.') && !object.type.starts_with("torch.") &&
           !object.type.starts_with("collections.");
  };
  const auto found = std::ranges::find_if(artifact.objects, may_be);
  return found == artifact.objects.end() ? nullptr : &*found;
}

std::string file_name(std::string_view path) { return std::string(path.substr(path.rfind('/') + 1)); }

// What stands at `path` when it is no list of names; empty when nothing does.
std::string other_type_at(const ArtifactFacts& artifact, std::string_view path) {
  for (const ObjectFacts& object : artifact.objects) {
    if (object.path == path) {
      return object.type;
    }
  }
  for (const MetadataFacts& item : artifact.metadata) {
    if (item.path == path) {
      return item.type;
    }
  }
  for (const TensorFacts& tensor : artifact.tensors) {
    if (tensor.path == path) {
      return "torch.Tensor";
    }
  }
  return {};
}

std::string call(const LabelChoice& choice, const LabelListFacts& list) {
  return std::format("`{}`", list.path.empty() ? file_name(choice.file) : list.path);
}

LabelChoice without(LabelChoice choice, LabelProblem problem, std::string why_not) {
  choice.problem = problem;
  choice.why_not = std::move(why_not);
  return choice;
}

LabelChoice with(LabelChoice choice, const LabelListFacts& list) {
  choice.chosen = &list;
  choice.name = call(choice, list);
  return choice;
}

LabelChoice choose_at_key(LabelChoice choice, const ArtifactFacts& artifact, const std::string& key) {
  choice.name = std::format("`{}`", key);
  std::vector<std::string> paths;
  for (const LabelListFacts& list : artifact.label_lists) {
    if (list.path == key) {
      return with(std::move(choice), list);
    }
    paths.push_back(list.path);
  }
  if (const std::string type = other_type_at(artifact, key); !type.empty()) {
    return without(
        std::move(choice), LabelProblem::not_labels,
        std::format(
            "`{}` is a `{}`; expected a LabelEncoder, a list of names or a map between names and indices",
            key, type));
  }
  std::string why = std::format("`{}` has no key `{}`", file_name(choice.file), key);
  for (const ObjectFacts& object : artifact.objects) {
    paths.push_back(object.path);
  }
  if (const auto near = did_you_mean(key, paths)) {
    why += std::format("; did you mean `{}`?", *near);
  } else if (!choice.candidates.empty()) {
    why += std::format("; it has class names at {}", join_quoted(choice.candidates));
  }
  return without(std::move(choice), LabelProblem::not_found, std::move(why));
}

// Lists of the file that can be meant when no key is given.
std::vector<const LabelListFacts*> unnamed_candidates(const ArtifactFacts& artifact, bool whole_file) {
  std::vector<const LabelListFacts*> found;
  for (const LabelListFacts& list : artifact.label_lists) {
    if (list.kind == LabelListKind::label_encoder || is_named_like_labels(list.path) ||
        (whole_file && list.path.empty())) {
      found.push_back(&list);
    }
  }
  if (found.empty() && whole_file && artifact.label_lists.size() == 1) {
    found.push_back(&artifact.label_lists.front());
  }
  return found;
}

LabelChoice choose_in(LabelChoice choice, const ArtifactFacts& artifact, const std::string& key,
                      bool whole_file) {
  const std::vector<const LabelListFacts*> found = unnamed_candidates(artifact, whole_file);
  for (const LabelListFacts* list : found) {
    choice.candidates.push_back(list->path);
  }
  if (!key.empty()) {
    return choose_at_key(std::move(choice), artifact, key);
  }
  // `id2label` and `label2id` of one file are the same names twice.
  const bool all_equal = std::ranges::all_of(
      found, [&](const LabelListFacts* list) { return list->classes == found.front()->classes; });
  if (!found.empty() && all_equal) {
    return with(std::move(choice), *found.front());
  }
  if (found.empty() && artifact.kind == ArtifactKind::unknown) {
    std::string why = std::format(
        "`{}` is of no format that runup reads class names from: JSON or text in UTF-8, `.npy`, pickle, "
        "joblib or a checkpoint",
        file_name(choice.file));
    return without(std::move(choice), LabelProblem::not_understood, std::move(why));
  }
  if (found.empty()) {
    std::string why = std::format("`{}` ({}) holds no list of class names", file_name(choice.file),
                                  enum_name(artifact.kind));
    return without(std::move(choice), LabelProblem::not_found, std::move(why));
  }
  std::string why = std::format("`{}` has {} lists of class names ({}); `labels: {{key: ...}}` must name one",
                                file_name(choice.file), found.size(), join_quoted(choice.candidates));
  return without(std::move(choice), LabelProblem::several, std::move(why));
}

// The tensors of the chosen state_dict, in file order.
std::vector<const TensorFacts*> weights(const Facts& facts) {
  std::vector<const TensorFacts*> found;
  if (!facts.artifact) {
    return found;
  }
  const StateDictChoice choice = choose_state_dict(*facts.artifact, facts.model);
  if (choice.chosen == nullptr) {
    return found;
  }
  for (const TensorFacts& tensor : facts.artifact->tensors) {
    if (state_dict_key(tensor.path, choice.chosen->path)) {
      found.push_back(&tensor);
    }
  }
  return found;
}

std::string key_of(const TensorFacts& tensor) { return std::format("`{}`", tensor.path); }

bool is_named(const TensorFacts& tensor, std::string_view name) { return last_name(tensor.path) == name; }

}  // namespace

LabelChoice choose_labels(const Facts& facts) {
  LabelChoice choice{.declared = facts.model.labels.has_value(), .file = facts.model.path};
  const LabelsDeclaration declared = facts.model.labels.value_or(LabelsDeclaration{});
  if (choice.declared && declared.from == LabelSource::none) {
    return without(std::move(choice), LabelProblem::not_wanted, "the config says `labels: {from: none}`");
  }
  const bool separate = declared.from == LabelSource::file;
  const Observed<ArtifactFacts>& source = separate ? facts.label_file : facts.artifact;
  if (separate) {
    choice.file = declared.path;
  }
  if (!source) {
    return without(std::move(choice), LabelProblem::not_observed, {});
  }
  LabelChoice made = choose_in(choice, *source, declared.key, separate);
  // What nobody asked for need not be there.
  if (!choice.declared && made.chosen == nullptr) {
    if (const ObjectFacts* object = labels_not_understood(*source)) {
      return without(
          std::move(made), LabelProblem::not_understood,
          std::format("`{}` is a `{}`, from which class names cannot be read; say where they are with "
                      "`labels:`, or `labels: {{from: none}}` when it names no classes",
                      object->path, object->type));
    }
    return without(std::move(made), LabelProblem::not_wanted,
                   "the config has no `labels:` and the model file holds no class names");
  }
  return made;
}

std::optional<OutputWidth> output_width(const Facts& facts) {
  for (const auto& runtime : facts.runtimes) {
    if (!runtime) {
      continue;
    }
    for (const ExperimentFacts& experiment : runtime->experiments) {
      if (!experiment.outputs.empty() && !experiment.outputs.front().shape.empty()) {
        const OutputFacts& output = experiment.outputs.front();
        return OutputWidth{.classes = output.shape.back(), .source = output.name, .observed = true};
      }
    }
  }
  const TensorFacts* matrix = nullptr;
  const TensorFacts* bias = nullptr;
  for (const TensorFacts* tensor : weights(facts)) {
    if (tensor->shape.size() == 2 && is_named(*tensor, "weight")) {
      matrix = tensor;
    } else if (tensor->shape.size() == 1 && is_named(*tensor, "bias")) {
      bias = tensor;
    }
  }
  const TensorFacts* last = matrix != nullptr ? matrix : bias;
  if (last == nullptr) {
    return std::nullopt;
  }
  return OutputWidth{.classes = last->shape.front(), .source = key_of(*last), .observed = false};
}

bool weights_can_have(const Facts& facts, std::int64_t classes) {
  const std::vector<const TensorFacts*> tensors = weights(facts);
  return tensors.empty() || std::ranges::any_of(tensors, [&](const TensorFacts* tensor) {
           return !tensor->shape.empty() &&
                  (tensor->shape.front() == classes || tensor->shape.back() == classes);
         });
}

std::string head_tensor(const Facts& facts, std::int64_t classes) {
  const std::vector<const TensorFacts*> tensors = weights(facts);
  for (const std::size_t rank : {1U, 2U}) {
    for (const TensorFacts* tensor : tensors | std::views::reverse) {
      if (tensor->shape.size() == rank && tensor->shape.front() == classes) {
        return tensor->path;
      }
    }
  }
  return {};
}

}  // namespace runup
