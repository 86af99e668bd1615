// SPDX-License-Identifier: Apache-2.0
#include "key_names.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/text.h"

namespace runup::checks::state_dict_format {

namespace {

struct Wrapper {
  // with its dot
  std::string_view part;
  std::string_view maker;
};
constexpr std::array<Wrapper, 7> kWrappers{{{"module.", "DataParallel or DistributedDataParallel"},
                                            {"_orig_mod.", "torch.compile"},
                                            {"_fsdp_wrapped_module.", "FullyShardedDataParallel"},
                                            {"_checkpoint_wrapped_module.", "activation checkpointing"},
                                            {"_forward_module.", "Lightning Fabric"},
                                            {"_dpp_module.", "pipeline parallelism"},
                                            {"_module.", "Opacus"}}};

// The wrapper part that `text` starts with; empty when there is none.
std::string_view wrapper_at(std::string_view text) {
  for (const Wrapper& wrapper : kWrappers) {
    if (text.starts_with(wrapper.part)) {
      return wrapper.part;
    }
  }
  return {};
}

template <class Map>
auto most_frequent(const Map& counts) {
  return std::ranges::max_element(counts, {}, [](const auto& entry) { return entry.second; });
}

std::vector<std::string> without(const std::vector<std::string>& keys, const std::set<std::string>& gone) {
  std::vector<std::string> kept;
  std::ranges::copy_if(keys, std::back_inserter(kept),
                       [&](const std::string& key) { return !gone.contains(key); });
  return kept;
}

// A prefix of `longer` keys after which a key of `shorter` follows, by its most frequent value.
std::string common_prefix(const std::vector<std::string>& longer, const std::set<std::string>& shorter) {
  std::map<std::string, std::uint64_t> counts;
  for (const std::string& key : longer) {
    for (std::size_t dot = key.find('.'); dot != std::string::npos; dot = key.find('.', dot + 1)) {
      if (shorter.contains(key.substr(dot + 1))) {
        ++counts[key.substr(0, dot + 1)];
      }
    }
  }
  return counts.empty() ? std::string() : most_frequent(counts)->first;
}

}  // namespace

std::string_view wrapper_chain(std::string_view key) {
  std::size_t length = 0;
  for (auto part = wrapper_at(key); !part.empty(); part = wrapper_at(key.substr(length))) {
    length += part.size();
  }
  return key.substr(0, length);
}

std::string wrapper_makers(std::string_view chain) {
  std::vector<std::string> makers;
  while (!chain.empty()) {
    const std::string_view part = wrapper_at(chain);
    const auto* wrapper = std::ranges::find(kWrappers, part, &Wrapper::part);
    if (part.empty() || wrapper == kWrappers.end()) {
      break;
    }
    makers.emplace_back(wrapper->maker);
    chain.remove_prefix(part.size());
  }
  return join(makers, ", then ");
}

std::string_view inner_wrapper(std::string_view key) {
  for (std::size_t dot = key.find('.', wrapper_chain(key).size()); dot != std::string_view::npos;
       dot = key.find('.', dot + 1)) {
    const std::string_view chain = wrapper_chain(key.substr(dot + 1));
    if (!chain.empty()) {
      return chain;
    }
  }
  return {};
}

std::string without_wrappers(std::string_view key) {
  std::string rest;
  while (!key.empty()) {
    key.remove_prefix(wrapper_chain(key).size());
    const std::size_t part = std::min(key.find('.'), key.size() - 1) + 1;
    rest += key.substr(0, key.empty() ? 0 : part);
    key.remove_prefix(key.empty() ? 0 : part);
  }
  return rest;
}

Wrapping find_wrapping(const std::vector<std::string>& keys) {
  Wrapping wrapping;
  std::map<std::string, std::uint64_t, std::less<>> chains;
  for (const std::string& key : keys) {
    if (const std::string_view chain = wrapper_chain(key); !chain.empty()) {
      ++chains[std::string(chain)];
    }
    if (!inner_wrapper(key).empty()) {
      wrapping.inner_example = wrapping.inner == 0 ? key : wrapping.inner_example;
      ++wrapping.inner;
    }
  }
  if (chains.empty()) {
    wrapping.bare = keys.size();
    return wrapping;
  }
  wrapping.chain = most_frequent(chains)->first;
  for (const std::string& key : keys) {
    const std::string_view chain = wrapper_chain(key);
    if (chain == wrapping.chain || key == "n_averaged") {
      wrapping.example = wrapping.example.empty() && key != "n_averaged" ? key : wrapping.example;
      ++wrapping.with_chain;
    } else if (chain.empty()) {
      wrapping.bare_example = wrapping.bare == 0 ? key : wrapping.bare_example;
      ++wrapping.bare;
    } else {
      ++wrapping.other_chain;
    }
  }
  return wrapping;
}

std::optional<PrefixExplanation> explain_by_prefix(const std::vector<std::string>& missing,
                                                   const std::vector<std::string>& unexpected) {
  const std::set<std::string> missing_set(missing.begin(), missing.end());
  const std::set<std::string> unexpected_set(unexpected.begin(), unexpected.end());
  PrefixExplanation explanation{.prefix = common_prefix(unexpected, missing_set)};
  if (explanation.prefix.empty()) {
    explanation = {.prefix = common_prefix(missing, unexpected_set), .in_file = false};
  }
  if (explanation.prefix.empty()) {
    return std::nullopt;
  }
  std::set<std::string> found_missing;
  std::set<std::string> found_unexpected;
  for (const std::string& key : missing) {
    std::string other = key;
    if (explanation.in_file) {
      other = explanation.prefix + key;
    } else if (key.starts_with(explanation.prefix)) {
      other = key.substr(explanation.prefix.size());
    } else {
      continue;
    }
    if (unexpected_set.contains(other)) {
      found_missing.insert(key);
      found_unexpected.insert(other);
    }
  }
  if (found_missing.size() * 2 < missing.size()) {
    return std::nullopt;
  }
  explanation.missing = without(missing, found_missing);
  explanation.unexpected = without(unexpected, found_unexpected);
  return explanation;
}

std::vector<std::pair<std::string, std::string>> guess_renames(const std::vector<std::string>& missing,
                                                               const std::vector<std::string>& unexpected,
                                                               std::size_t most) {
  // From each ending of the file's keys to the only beginning that it has there; empty when it has several.
  std::map<std::string, std::string> beginnings;
  const auto for_each_ending = [](const std::string& key, auto use) {
    for (std::size_t dot = key.find('.'); dot != std::string::npos; dot = key.find('.', dot + 1)) {
      if (!use(key.substr(0, dot + 1), key.substr(dot + 1))) {
        return;
      }
    }
  };
  for (const std::string& key : unexpected) {
    for_each_ending(key, [&](const std::string& beginning, const std::string& ending) {
      const auto [entry, is_new] = beginnings.try_emplace(ending, beginning);
      if (!is_new) {
        entry->second.clear();
      }
      return true;
    });
  }
  std::map<std::pair<std::string, std::string>, std::uint64_t> counts;
  for (const std::string& key : missing) {
    for_each_ending(key, [&](const std::string& beginning, const std::string& ending) {
      const auto found = beginnings.find(ending);
      if (found == beginnings.end() || found->second.empty()) {
        return true;
      }
      ++counts[{found->second, beginning}];
      return false;
    });
  }
  std::vector<std::pair<std::pair<std::string, std::string>, std::uint64_t>> sorted(counts.begin(),
                                                                                    counts.end());
  std::ranges::stable_sort(sorted, std::greater{}, [](const auto& entry) { return entry.second; });
  std::vector<std::pair<std::string, std::string>> renames;
  for (const auto& [rename, count] : sorted) {
    if (renames.size() < most) {
      renames.push_back(rename);
    }
  }
  return renames;
}

}  // namespace runup::checks::state_dict_format
