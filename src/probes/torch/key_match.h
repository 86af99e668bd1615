// SPDX-License-Identifier: Apache-2.0
#pragma once

// How the keys of a state_dict fit what an architecture wants. Like Module.load_state_dict(strict):
// every wanted key must be there with its shape, and no other; batch-norm counters
// (`num_batches_tracked`) may be too many or too few, because inference never reads them.

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "facts/runtime.h"

namespace runup {

struct TensorKey {
  std::string key;
  std::vector<std::int64_t> shape;
};

struct WantedKey {
  std::string key;
  // nothing when the architecture does not say (TorchScript source)
  std::optional<std::vector<std::int64_t>> shape;
  // it may be absent
  bool optional = false;
  // one that the architecture has a value for, and that a checkpoint may lack by its design
  bool buffer = false;
};

// `wanted_is_all`: the architecture wants nothing that `wanted` does not name, so that other keys are
// unexpected. Without it (keys made at run time) there are no unexpected ones to tell.
KeyMatchFacts match_keys(std::string state_dict, const std::vector<TensorKey>& present,
                         const std::vector<WantedKey>& wanted, bool wanted_is_all);

// Puts the keys of which nothing was read in an inference, as `is_read` says for each of `present`,
// into `match`, in place of what names alone told.
void set_unread(KeyMatchFacts& match, const std::vector<TensorKey>& present,
                const std::vector<bool>& is_read);

// They do not fit: something is missing, unexpected or misshapen.
bool differ(const KeyMatchFacts& keys);
// That they do not, in words.
std::unexpected<Error> keys_do_not_fit(const KeyMatchFacts& keys);

}  // namespace runup
