// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "artifact/pickle_value.h"

namespace runup::artifact {

// The memo of one pickle. Picklers fill slots from 0 on; a stream may name any of 2^32, which must
// not cost memory for those between.
class PickleMemo {
 public:
  void put(std::uint32_t index, ValueId value) {
    ValueId& slot = index < kDense ? dense_slot(index) : sparse_.try_emplace(index, kNoValue).first->second;
    filled_ += slot == kNoValue ? 1 : 0;
    slot = value;
  }

  // kNoValue for a slot that was never filled.
  ValueId get(std::uint32_t index) const {
    if (index < kDense) {
      return index < dense_.size() ? dense_[index] : kNoValue;
    }
    const auto found = sparse_.find(index);
    return found == sparse_.end() ? kNoValue : found->second;
  }

  // The slot that MEMOIZE fills next.
  std::uint32_t filled() const { return filled_; }

 private:
  static constexpr std::uint32_t kDense = 1U << 22U;

  ValueId& dense_slot(std::uint32_t index) {
    if (dense_.size() <= index) {
      const std::size_t doubled = std::min<std::size_t>(dense_.size() * 2, kDense);
      dense_.resize(std::max<std::size_t>(std::size_t{index} + 1, doubled), kNoValue);
    }
    return dense_[index];
  }

  std::vector<ValueId> dense_;
  std::unordered_map<std::uint32_t, ValueId> sparse_;
  std::uint32_t filled_ = 0;
};

}  // namespace runup::artifact
