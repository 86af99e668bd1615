// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the parts of this check share: its options, its findings, and the judgement in the making.

#include <array>
#include <format>
#include <string>
#include <vector>

#include "base/text.h"
#include "check/check.h"
#include "check/wording.h"

namespace runup::checks::state_dict_format {

struct Options {
  double max_residue = 0.05;
  std::vector<std::string> non_persistent;
  static constexpr auto fields() {
    return std::tuple{
        Field{"max_residue", &Options::max_residue,
              "share of the file's tensor bytes that may belong to something else than the weights",
              Rule{.min = 0, .max = 1}},
        Field{"non_persistent", &Options::non_persistent,
              "buffers that the model registers with `persistent=False`, so that no checkpoint has them; "
              "`*` stands for any text"}};
  }
};

inline constexpr std::array kFindings{
    FindingInfo{"state-dict-absent", Severity::error, "the file has no mapping of names to weights"},
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
    FindingInfo{"view-waste", Severity::warning, "tensors are views into much larger storages"}};

// Names in one message.
inline constexpr std::size_t kNamed = 4;

struct Judge {
  const Facts& facts;
  const ArtifactFacts& artifact;
  const Options& options;
  Judgement& judgement;
  const StateDictFacts* chosen = nullptr;

  void add(std::string_view id, std::string message, std::string fix, const std::string& key = "") {
    judgement.findings.push_back(
        make_finding(kFindings, id, std::move(message), std::move(fix),
                     model_location(facts, key.empty() && chosen != nullptr ? chosen->path : key)));
  }
  std::string name() const {
    return chosen->path.empty() ? "the state_dict" : std::format("`{}`", chosen->path);
  }
};

// Findings about the names of the keys, and about how they and their shapes fit the architecture that a
// runtime compared them with.
void judge_keys(Judge& judge, const std::vector<std::string>& keys);

}  // namespace runup::checks::state_dict_format
