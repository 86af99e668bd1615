// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which mapping of a checkpoint is the model's state_dict. The state-dict-format check and the torch
// probe both ask here, so that what was judged is what was run.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "facts/artifact.h"
#include "facts/declaration.h"

namespace runup {

enum class StateDictProblem {
  none,
  // nothing in the file is a mapping of names to tensors that holds weights
  not_found,
  // more than one does, and the config names none
  several,
  // the config's `state_dict` names a key path that the file does not have
  no_such_key,
  // it names something that is no mapping of names to tensors
  not_a_state_dict,
};

struct StateDictChoice {
  // set exactly when `problem` is none; points into the ArtifactFacts that were given
  const StateDictFacts* chosen = nullptr;
  StateDictProblem problem = StateDictProblem::none;
  // key paths of the mappings that hold weights, in file order; the root's is empty
  std::vector<std::string> candidates;
  // why there is no choice: what was seen, then what was expected; empty when there is one
  std::string why_not;
};

// The mapping that `model.state_dict` names, whatever its role; without that, the only one whose role
// is `weights`, at the root or below (an optimizer's or an average's is never meant by itself).
StateDictChoice choose_state_dict(const ArtifactFacts& artifact, const ModelDeclaration& model);

// `weight` of `fc.weight`: what a module calls its parameter or buffer.
constexpr std::string_view last_name(std::string_view key) { return key.substr(key.rfind('.') + 1); }

// The key of a tensor inside the state_dict at `state_dict_path`, given its path from the root:
// `conv1.weight` for `model_state_dict.conv1.weight`. Nothing when it is not inside. The view is
// into `tensor_path`.
std::optional<std::string_view> state_dict_key(std::string_view tensor_path,
                                               std::string_view state_dict_path);

}  // namespace runup
