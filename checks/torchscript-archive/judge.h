// SPDX-License-Identifier: Apache-2.0
#pragma once

// Parts of the check, each a pure function of the facts.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "facts/facts.h"

namespace runup::checks::torchscript_archive {

using Remarks = std::vector<const CodeRemarkFacts*>;

// A release of PyTorch: 2.6 of "2.6.0+cu124".
struct Release {
  int major = 0;
  int minor = 0;
  auto operator<=>(const Release&) const = default;
};
std::optional<Release> read_release(std::string_view text);
// Newest archive format that a release reads.
std::uint64_t newest_format(const Release& release);

// Sizes of a trace that stand in its code, by the axis whose size they are.
struct BakedAxis {
  std::string axis;
  // its size when the model was traced
  std::int64_t size = 0;
  // the size is also that of a weight or of a fixed dimension, so that it may be that
  bool ambiguous = false;
  Remarks places;
};
std::vector<BakedAxis> find_baked_axes(const Facts& facts);

// The package that registers an operator: `torchvision`; the namespace itself when nobody is known.
std::string library_of(std::string_view foreign);

}  // namespace runup::checks::torchscript_archive
