// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string_view>

#include "base/bytes.h"
#include "facts/artifact.h"

namespace runup::artifact {

// Counts what the numbers of one tensor are like, block by block.
class ValueScan {
 public:
  virtual ~ValueScan() = default;

  // Whole elements, one behind the other, at any address.
  virtual void add(Bytes elements) = 0;
  // Of everything that was added.
  virtual ValueFacts facts() const = 0;

  // By the tensor's dtype as facts/artifact.h writes it. Null for types whose numbers say nothing alone:
  // quantised ones, bits, and those that this version does not know.
  static std::unique_ptr<ValueScan> of(std::string_view dtype, bool big_endian);
};

}  // namespace runup::artifact
