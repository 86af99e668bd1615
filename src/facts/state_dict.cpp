// SPDX-License-Identifier: Apache-2.0
#include "facts/state_dict.h"

#include "base/text.h"

namespace runup {

namespace {

// The root has no key path of its own; people need a word for it.
std::vector<std::string> shown(std::vector<std::string> paths) {
  for (std::string& path : paths) {
    if (path.empty()) {
      path = "(root)";
    }
  }
  return paths;
}

StateDictChoice none(StateDictProblem problem, std::vector<std::string> candidates, std::string why_not) {
  return {.problem = problem, .candidates = std::move(candidates), .why_not = std::move(why_not)};
}

// What stands at `path` when it is no state_dict: "a `list`"; empty when nothing does.
std::string unmapped_type_at(const ArtifactFacts& artifact, std::string_view path) {
  for (const ObjectFacts& object : artifact.objects) {
    if (object.path == path) {
      return object.type;
    }
  }
  for (const TensorFacts& tensor : artifact.tensors) {
    if (tensor.path == path) {
      return "torch.Tensor";
    }
  }
  return "";
}

StateDictChoice choose_named(const ArtifactFacts& artifact, const std::string& path,
                             std::vector<std::string> candidates) {
  std::vector<std::string> known;
  for (const StateDictFacts& mapping : artifact.state_dicts) {
    if (mapping.path == path) {
      return {.chosen = &mapping, .candidates = std::move(candidates)};
    }
    known.push_back(mapping.path);
  }
  if (const std::string type = unmapped_type_at(artifact, path); !type.empty()) {
    return none(StateDictProblem::not_a_state_dict, std::move(candidates),
                "`" + path + "` is a `" + type + "`; a state_dict maps names to tensors");
  }
  std::string why = "the file has no key `" + path + "`";
  if (const auto near = did_you_mean(path, known)) {
    why += "; did you mean `" + *near + "`?";
  } else if (!known.empty()) {
    why += "; its mappings of tensors are " + join_quoted(shown(known));
  }
  return none(StateDictProblem::no_such_key, std::move(candidates), std::move(why));
}

}  // namespace

StateDictChoice choose_state_dict(const ArtifactFacts& artifact, const ModelDeclaration& model) {
  std::vector<std::string> candidates;
  const StateDictFacts* only = nullptr;
  for (const StateDictFacts& mapping : artifact.state_dicts) {
    if (mapping.role == "weights") {
      candidates.push_back(mapping.path);
      only = &mapping;
    }
  }
  if (!model.state_dict.empty()) {
    return choose_named(artifact, model.state_dict, std::move(candidates));
  }
  if (candidates.size() == 1) {
    return {.chosen = only, .candidates = std::move(candidates)};
  }
  if (candidates.empty()) {
    return none(StateDictProblem::not_found, {}, "no mapping of names to weights is in the file");
  }
  std::string why = count_of(candidates.size(), "mapping", "mappings") +
                    " of names to weights are in the file (" + join_quoted(shown(candidates)) +
                    "); `state_dict:` must name one";
  return none(StateDictProblem::several, std::move(candidates), std::move(why));
}

std::optional<std::string_view> state_dict_key(std::string_view tensor_path,
                                               std::string_view state_dict_path) {
  if (state_dict_path.empty()) {
    return tensor_path;
  }
  if (tensor_path.size() <= state_dict_path.size() + 1 || !tensor_path.starts_with(state_dict_path) ||
      tensor_path[state_dict_path.size()] != '.') {
    return std::nullopt;
  }
  return tensor_path.substr(state_dict_path.size() + 1);
}

}  // namespace runup
