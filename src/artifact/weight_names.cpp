// SPDX-License-Identifier: Apache-2.0
#include "artifact/weight_names.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/text.h"

namespace runup::artifact {

namespace {

// Components that may be taken off the front of a name.
constexpr std::size_t kMostStripped = 4;

// The letters and digits of a name in lower case, with one `_` for all between them, without what
// torch.export puts before a parameter's name.
std::string plain(std::string_view name) {
  std::string text;
  for (const char letter : name) {
    if (std::isalnum(static_cast<unsigned char>(letter)) != 0) {
      text += static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
    } else if (!text.empty() && text.back() != '_') {
      text += '_';
    }
  }
  for (const std::string_view front : {"l_self_", "p_", "b_", "orig_mod_", "module_", "model_"}) {
    if (text.starts_with(front)) {
      text.erase(0, front.size());
    }
  }
  return text;
}

// What remains of `name` when 0, 1, ... components are taken off, and what was taken.
std::vector<std::pair<std::string_view, std::string_view>> stripped(std::string_view name) {
  std::vector<std::pair<std::string_view, std::string_view>> parts{{"", name}};
  std::size_t at = 0;
  while (parts.size() <= kMostStripped && (at = name.find('.', at)) != std::string_view::npos) {
    ++at;
    parts.emplace_back(name.substr(0, at), name.substr(at));
  }
  return parts;
}

void add_plain(std::map<std::string, std::optional<std::size_t>>& table, const WeightPool& pool) {
  for (std::size_t i = 0; i < pool.tensors.size(); ++i) {
    const auto [known, is_new] = table.try_emplace(plain(pool.tensors[i].name), i);
    if (!is_new) {
      known->second.reset();
    }
  }
}

}  // namespace

NameTable::NameTable(const WeightPool& originals, const WeightPool& candidates) : originals_(originals) {
  for (std::size_t i = 0; i < candidates.tensors.size(); ++i) {
    candidates_.try_emplace(candidates.tensors[i].name, i);
  }
  for (std::size_t i = 0; i < originals.tensors.size(); ++i) {
    modules_[std::string(module_of(originals.tensors[i].name))].push_back(i);
  }
  add_plain(plain_candidates_, candidates);
  add_plain(plain_originals_, originals);
  find_prefixes(originals, candidates);
}

void NameTable::find_prefixes(const WeightPool& originals, const WeightPool& candidates) {
  // By what remains of it: which candidates could be called so.
  std::map<std::string_view, std::vector<std::string_view>> rests;
  for (const WeightTensor& tensor : candidates.tensors) {
    for (const auto& [front, rest] : stripped(tensor.name)) {
      std::vector<std::string_view>& fronts = rests[rest];
      // Many are alike only in their last part, which says nothing.
      if (fronts.size() < 8) {
        fronts.push_back(front);
      }
    }
  }
  std::map<std::pair<std::string_view, std::string_view>, std::size_t> votes;
  for (const WeightTensor& tensor : originals.tensors) {
    for (const auto& [front, rest] : stripped(tensor.name)) {
      const auto known = rests.find(rest);
      if (known == rests.end()) {
        continue;
      }
      for (const std::string_view other : known->second) {
        // One of the two has the prefix, or both have one.
        ++votes[{front, other}];
      }
    }
  }
  std::size_t most = 0;
  for (const auto& [prefixes, count] : votes) {
    const std::size_t bare = prefixes.first.empty() && prefixes.second.empty() ? count : 0;
    if (count > most || bare >= most) {
      most = std::max(count, bare);
      original_prefix_ = prefixes.first;
      candidate_prefix_ = prefixes.second;
    }
  }
  // A few names that end alike are no rule.
  if (most * 4 < candidates.tensors.size() && most * 4 < originals.tensors.size()) {
    original_prefix_.clear();
    candidate_prefix_.clear();
  }
}

std::optional<std::size_t> NameTable::candidate(std::size_t original) const {
  const std::string_view name = originals_.tensors[original].name;
  if (const auto same = candidates_.find(name); same != candidates_.end()) {
    return same->second;
  }
  if (name.starts_with(original_prefix_)) {
    const auto same = candidates_.find(candidate_prefix_ + std::string(name.substr(original_prefix_.size())));
    if (same != candidates_.end()) {
      return same->second;
    }
  }
  const std::string letters = plain(name);
  const auto own = plain_originals_.find(letters);
  const auto same = plain_candidates_.find(letters);
  return own != plain_originals_.end() && own->second && same != plain_candidates_.end() ? same->second
                                                                                         : std::nullopt;
}

std::vector<std::size_t> NameTable::module(std::string_view conversion_path) const {
  if (const auto same = modules_.find(conversion_path); same != modules_.end()) {
    return same->second;
  }
  std::string_view path = conversion_path;
  // Prefixes end with a dot; a path that is one has none.
  if (!candidate_prefix_.empty() && path.starts_with(candidate_prefix_)) {
    path.remove_prefix(candidate_prefix_.size());
  }
  const auto same = modules_.find(original_prefix_ + std::string(path));
  return same == modules_.end() ? std::vector<std::size_t>{} : same->second;
}

std::string_view module_of(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? std::string_view{} : name.substr(0, dot);
}

std::optional<std::string> module_of_node(std::string_view node) {
  if (!node.starts_with('/')) {
    return std::nullopt;
  }
  std::vector<std::string> parts = split(node.substr(1), '/');
  // The last one is the operator.
  parts.pop_back();
  std::vector<std::string> path;
  for (std::string& part : parts) {
    // A container's child repeats its parent's name: `classifier/classifier.0`.
    if (!path.empty() && part.starts_with(path.back() + ".")) {
      path.back() = std::move(part);
    } else {
      path.push_back(std::move(part));
    }
  }
  return join(path, ".");
}

}  // namespace runup::artifact
