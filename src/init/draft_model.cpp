// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <format>
#include <optional>
#include <set>

#include "base/text.h"
#include "check/source.h"
#include "facts/labels.h"
#include "facts/state_dict.h"
#include "init/parts.h"

namespace runup::init {

namespace {

constexpr std::size_t kMostKeys = 10'000;

// "fc.weight" of each `state_dict["fc.weight"]`
std::vector<std::string> keys_of(std::string_view text) {
  constexpr std::string_view kBegin = "state_dict[";
  std::vector<std::string> keys;
  for (std::size_t at = text.find(kBegin); at != std::string_view::npos && keys.size() < kMostKeys;
       at = text.find(kBegin, at + 1)) {
    const std::string_view rest = text.substr(at + kBegin.size());
    if (rest.empty() || (rest.front() != '"' && rest.front() != '\'')) {
      continue;
    }
    const std::size_t end = rest.find(rest.front(), 1);
    if (end != std::string_view::npos) {
      keys.emplace_back(rest.substr(1, end - 1));
    }
  }
  return keys;
}

std::set<std::string_view> keys_of(const ArtifactFacts& content, const StateDictFacts& state_dict) {
  std::set<std::string_view> keys;
  for (const TensorFacts& tensor : content.tensors) {
    if (const auto key = state_dict_key(tensor.path, state_dict.path)) {
      keys.insert(*key);
    }
  }
  return keys;
}

// The source that reads this state_dict and no other; the only one there is, when it names no keys.
const SurveyedText* architecture_of(const View& view, const ArtifactFacts& content,
                                    const StateDictFacts* state_dict, bool alone) {
  const SurveyedText* found = nullptr;
  for (const SurveyedText& source : view.survey.architectures) {
    const std::vector<std::string> wanted = keys_of(source.text);
    bool fits = wanted.empty() && alone && view.survey.architectures.size() == 1;
    if (!wanted.empty() && state_dict != nullptr) {
      const std::set<std::string_view> has = keys_of(content, *state_dict);
      fits = std::ranges::all_of(wanted, [&](const std::string& key) { return has.contains(key); });
    }
    if (fits && found == nullptr && is_valid_utf8(source.path)) {
      found = &source;
    }
  }
  return found;
}

std::string count_words(const LabelListFacts& list) {
  return list.problem.empty() ? count_of(list.classes.size(), "class", "classes") : list.problem;
}

// The class names that a file holds on its own, when it holds any.
const LabelListFacts* labels_in(const View& view, const std::string& path) {
  const SurveyedFile* file = view.survey.find(path);
  if (file == nullptr) {
    return nullptr;
  }
  Facts facts;
  facts.model.labels = LabelsDeclaration{.from = LabelSource::file, .path = path};
  facts.label_file = file->content;
  const LabelListFacts* chosen = choose_labels(facts).chosen;
  // the list is found again where it lives longer than `facts`
  if (chosen == nullptr || chosen->classes.empty() || !file->content) {
    return nullptr;
  }
  const auto own = std::ranges::find(file->content->label_lists, chosen->path, &LabelListFacts::path);
  return own == file->content->label_lists.end() ? nullptr : &*own;
}

struct LabelFile {
  std::string path;
  std::string why;
};

// Opened by the sources, be it there or not; else beside the model, or at the top of the package.
std::optional<LabelFile> label_file(const View& view, const ModelGroup& group, bool alone) {
  for (const SourcePathFacts& opened : view.source.paths) {
    const auto here = opened.writes ? std::nullopt : source_path_here(view.target, opened);
    if (!here || !here->starts_with(view.survey.root + "/")) {
      continue;
    }
    const std::string path = here->substr(view.survey.root.size() + 1);
    const bool there = std::ranges::binary_search(view.survey.files, path);
    const bool own = alone || folder_of(path) == folder_of(group.file.path);
    if (!own || !is_named_like_labels(path) || !is_valid_utf8(path) || path == group.file.path) {
      continue;
    }
    const LabelListFacts* list = labels_in(view, path);
    if (list != nullptr || !there) {
      return LabelFile{
          .path = path,
          .why = std::format("{}; read in {}", there ? count_words(*list) : "there is no such file",
                             place_words(opened.place))};
    }
  }
  for (const SurveyedFile& file : view.survey.contents) {
    const std::string folder = folder_of(file.path);
    const bool near = folder == folder_of(group.file.path) || (alone && folder.empty());
    const LabelListFacts* list = near && is_named_like_labels(file.path) && is_valid_utf8(file.path)
                                     ? labels_in(view, file.path)
                                     : nullptr;
    if (list != nullptr) {
      return LabelFile{.path = file.path,
                       .why = std::format("{}; it lies beside the model", count_words(*list))};
    }
  }
  return std::nullopt;
}

}  // namespace

void draft_state_dict(const View& view, const ModelGroup& group, bool alone, DraftModel& model,
                      Draft& draft) {
  const ArtifactFacts* content = group.file.content;
  if (content == nullptr || group.file.family == Family::torchscript || group.file.family == Family::onnx) {
    return;
  }
  const StateDictChoice choice = choose_state_dict(*content, ModelDeclaration{});
  if (choice.chosen != nullptr && !choice.chosen->path.empty() && is_valid_utf8(choice.chosen->path)) {
    model.declared.state_dict = choice.chosen->path;
    model.comments.why["state_dict"] = count_of(choice.chosen->tensors, "tensor", "tensors");
  } else if (choice.problem == StateDictProblem::several) {
    std::vector<std::string> others(choice.candidates.begin() + 1, choice.candidates.end());
    model.comments.below["state_dict"].push_back(
        {.text = std::format("state_dict: {}",
                             choice.candidates.front().empty() ? "\"\"" : choice.candidates.front()),
         .why = std::format("or {}: the one that the service loads", join_quoted(others))});
    draft.to_fill.push_back(std::format("`state_dict` of `{}`", model.name));
  }
  const SurveyedText* architecture = architecture_of(view, *content, choice.chosen, alone);
  if (architecture != nullptr) {
    model.declared.architecture = view.beside_config(architecture->path);
    model.comments.why["architecture"] = keys_of(architecture->text).empty()
                                             ? "a guess: the only one there is"
                                             : "it reads these tensors by name";
  } else if (choice.chosen != nullptr && model.declared.factory.empty()) {
    model.comments.below["architecture"].push_back(
        {.text = "architecture: architectures/network.py",
         .why = "the network as TorchScript source; without it or a `factory` nothing can be run"});
  } else if (choice.chosen != nullptr) {
    model.comments.below["architecture"].push_back(
        {.text = std::format("architecture: architectures/{}.pt", model.name),
         .why = "`runup init --architecture` makes it, for hosts without the service's Python"});
  }
}

void draft_labels(const View& view, const ModelGroup& group, bool alone, DraftModel& model, Draft& draft) {
  Facts facts;
  facts.model.path = group.file.path;
  if (group.file.content != nullptr) {
    facts.artifact = Observed<ArtifactFacts>::seen(*group.file.content, {});
  }
  const LabelChoice choice = choose_labels(facts);
  if (choice.chosen != nullptr && !choice.chosen->path.empty() && is_valid_utf8(choice.chosen->path)) {
    model.declared.labels = LabelsDeclaration{.from = LabelSource::checkpoint, .key = choice.chosen->path};
    model.comments.why["labels"] = count_words(*choice.chosen);
    return;
  }
  if (const auto file = label_file(view, group, alone)) {
    model.declared.labels =
        LabelsDeclaration{.from = LabelSource::file, .path = view.as_service_opens(file->path)};
    model.comments.why["labels"] = file->why;
    return;
  }
  if (choice.candidates.size() > 1) {
    model.comments.below["labels"].push_back(
        {.text = std::format("labels: {{from: checkpoint, key: {}}}", choice.candidates.front()),
         .why = std::format("one of {}", join_quoted(choice.candidates))});
    draft.to_fill.push_back(std::format("`labels` of `{}`", model.name));
    return;
  }
  model.comments.below["labels"].push_back({.text = "labels: {from: file, path: labels.json}",
                                            .why = "where the class names are, if it tells classes apart"});
}

void draft_conversions(const View& view, const ModelGroup& group, DraftModel& model, Draft&) {
  for (const ModelFile& file : group.conversions) {
    const bool brings_network = file.family == Family::torchscript || file.family == Family::onnx;
    const std::string path = view.as_service_opens(file.path);
    if (is_reduced(file.path)) {
      model.comments.below["conversions"].push_back(
          {.text = std::format("- {{path: {}, rtol: 1.0e-1, atol: 1.0e-2}}", path),
           .why = "less precision, by its name: say how far its answers may be off"});
    } else if (!brings_network && model.declared.architecture.empty()) {
      model.comments.below["conversions"].push_back(
          {.text = std::format("- {{path: {}}}", path),
           .why = std::format("{}: to be run, it needs an `architecture`", family_words(file.family))});
    } else {
      model.declared.conversions.push_back({.path = path});
    }
  }
}

}  // namespace runup::init
