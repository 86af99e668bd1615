// SPDX-License-Identifier: Apache-2.0
#include "probes/torch/key_match.h"

#include <map>
#include <set>

#include "facts/state_dict.h"

namespace runup {

namespace {

bool is_counter(std::string_view key) { return last_name(key) == "num_batches_tracked"; }

// Registered by PyTorch's own batch norms, and always saved.
bool is_statistic(std::string_view key) {
  return last_name(key) == "running_mean" || last_name(key) == "running_var";
}

void add_absent(KeyMatchFacts& match, const WantedKey& want) {
  if (want.optional || is_counter(want.key)) {
    return;
  }
  auto& list = want.buffer && !is_statistic(want.key) ? match.absent_buffers : match.missing;
  list.push_back(want.key);
}

}  // namespace

KeyMatchFacts match_keys(std::string state_dict, const std::vector<TensorKey>& present,
                         const std::vector<WantedKey>& wanted, bool wanted_is_all) {
  KeyMatchFacts match{.state_dict = std::move(state_dict)};
  std::map<std::string_view, const TensorKey*> by_key;
  for (const TensorKey& tensor : present) {
    by_key.emplace(tensor.key, &tensor);
  }
  std::set<std::string_view> wanted_keys;
  for (const WantedKey& want : wanted) {
    if (!wanted_keys.insert(want.key).second) {
      continue;
    }
    const auto found = by_key.find(want.key);
    if (found == by_key.end()) {
      add_absent(match, want);
    } else if (want.shape && *want.shape != found->second->shape) {
      match.misshapen.push_back({.key = want.key, .expected = *want.shape, .actual = found->second->shape});
    } else {
      ++match.matched;
    }
  }
  if (wanted_is_all) {
    for (const TensorKey& tensor : present) {
      if (!wanted_keys.contains(tensor.key) && !is_counter(tensor.key)) {
        match.unexpected.push_back(tensor.key);
      }
    }
  }
  return match;
}

void set_unread(KeyMatchFacts& match, const std::vector<TensorKey>& present,
                const std::vector<bool>& is_read) {
  match.unexpected.clear();
  match.matched = 0;
  for (std::size_t i = 0; i < present.size(); ++i) {
    if (is_read[i]) {
      ++match.matched;
    } else if (!is_counter(present[i].key)) {
      match.unexpected.push_back(present[i].key);
    }
  }
}

bool differ(const KeyMatchFacts& keys) {
  return !keys.missing.empty() || !keys.unexpected.empty() || !keys.misshapen.empty();
}

std::unexpected<Error> keys_do_not_fit(const KeyMatchFacts& keys) {
  return fail(ErrorCode::bad_input,
              "the state_dict does not fit the architecture: " + std::to_string(keys.missing.size()) +
                  " missing, " + std::to_string(keys.unexpected.size()) + " unexpected, " +
                  std::to_string(keys.misshapen.size()) + " misshapen");
}

}  // namespace runup
