// SPDX-License-Identifier: Apache-2.0
#include "artifact/state_dict_role.h"

#include <algorithm>
#include <array>

namespace runup::artifact {

namespace {

constexpr std::array<std::string_view, 9> kOptimizerKeys{"step",           "exp_avg",         "exp_avg_sq",
                                                         "max_exp_avg_sq", "momentum_buffer", "square_avg",
                                                         "grad_avg",       "acc_delta",       "sum"};
constexpr std::array<std::string_view, 7> kWeightWords{"model",  "state_dict", "weights", "net",
                                                       "params", "module",     "encoder"};
constexpr std::array<std::string_view, 4> kAverageWords{"ema", "swa", "shadow", "averaged"};

// Whole words of a path, cut at everything that is no letter: `model_ema` has `model` and `ema`.
bool has_word(std::string_view text, std::string_view word) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto same = [](char a, char b) { return (a | 0x20) == b; };
  for (std::size_t at = 0; at + word.size() <= text.size(); ++at) {
    const bool starts = at == 0 || !is_letter(text[at - 1]);
    const bool ends = at + word.size() == text.size() || !is_letter(text[at + word.size()]);
    if (starts && ends && std::ranges::equal(text.substr(at, word.size()), word, same)) {
      return true;
    }
  }
  return false;
}

bool contains_ignoring_case(std::string_view text, std::string_view part) {
  return !std::ranges::search(text, part, [](char a, char b) { return (a | 0x20) == (b | 0x20); }).empty();
}

bool is_weight_key(std::string_view key) {
  return key.ends_with("weight") || key.ends_with("bias") || key.ends_with("running_mean") ||
         key.contains('.');
}

}  // namespace

std::string_view state_dict_role(const MappingOfTensors& mapping) {
  const auto is_optimizer_key = [](std::string_view key) {
    return std::ranges::find(kOptimizerKeys, key) != kOptimizerKeys.end();
  };
  if (contains_ignoring_case(mapping.path, "optim") || std::ranges::all_of(mapping.keys, is_optimizer_key)) {
    return "optimizer";
  }
  const auto averages = [&](std::string_view word) { return has_word(mapping.path, word); };
  if (std::ranges::any_of(kAverageWords, averages) ||
      std::ranges::find(mapping.keys, "n_averaged") != mapping.keys.end()) {
    return "ema";
  }
  const auto names_weights = [&](std::string_view word) {
    return word == "state_dict" ? contains_ignoring_case(mapping.path, word) : has_word(mapping.path, word);
  };
  if (mapping.has_metadata || mapping.has_parameters || std::ranges::any_of(mapping.keys, is_weight_key) ||
      std::ranges::any_of(kWeightWords, names_weights)) {
    return "weights";
  }
  return "other";
}

}  // namespace runup::artifact
