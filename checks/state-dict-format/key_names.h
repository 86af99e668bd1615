// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace runup::checks::state_dict_format {

// The parts at the start of a key that training wrappers put there, with their dots:
// `_orig_mod.module.` of `_orig_mod.module.conv1.weight`. Empty when there is none.
std::string_view wrapper_chain(std::string_view key);
// What made a chain, outermost first: "torch.compile, then DataParallel or DistributedDataParallel".
std::string wrapper_makers(std::string_view chain);
// The chain of wrapper parts further inside a key: `module.` of `features.module.0.weight`.
std::string_view inner_wrapper(std::string_view key);

// The key without any wrapper part, wherever it stands.
std::string without_wrappers(std::string_view key);

// Keys grouped by the wrapper chain that they start with.
struct Wrapping {
  // the chain of most of the wrapped keys; empty when no key has one
  std::string chain;
  std::uint64_t with_chain = 0;
  std::uint64_t other_chain = 0;
  std::uint64_t bare = 0;
  // a key with the chain, one without it, one with a wrapper inside
  std::string example;
  std::string bare_example;
  std::string inner_example;
  std::uint64_t inner = 0;
};
// `n_averaged`, the counter of torch.optim.swa_utils.AveragedModel, stands outside its own wrapper
// and counts as wrapped.
Wrapping find_wrapping(const std::vector<std::string>& keys);

// A prefix that explains why two sets of keys do not meet.
struct PrefixExplanation {
  std::string prefix;
  // true: the file's keys have it and the architecture's have not; false: the other way round
  bool in_file = true;
  // what it leaves unexplained
  std::vector<std::string> missing;
  std::vector<std::string> unexpected;
};
// The prefix by which at least half of `missing` are in `unexpected`, if there is one.
std::optional<PrefixExplanation> explain_by_prefix(const std::vector<std::string>& missing,
                                                   const std::vector<std::string>& unexpected);

// Pairs (in the file, in the architecture) of prefixes whose keys end alike: `pos_encoder.` and
// `positional_encoding.`. Guesses, most frequent first, at most `most`.
std::vector<std::pair<std::string, std::string>> guess_renames(const std::vector<std::string>& missing,
                                                               const std::vector<std::string>& unexpected,
                                                               std::size_t most);

}  // namespace runup::checks::state_dict_format
