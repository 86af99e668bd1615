// SPDX-License-Identifier: Apache-2.0
#include "artifact/tensor_layout.h"

#include <format>
#include <limits>

#include "artifact/numpy_values.h"
#include "artifact/torch_types.h"
#include "base/text.h"

namespace runup::artifact {

namespace {

// Elements from the storage's start to behind the tensor's last one; nothing when that overflows.
std::optional<std::uint64_t> extent(const TensorFacts& facts) {
  if (facts.elements == 0) {
    return 0;
  }
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  std::int64_t last = facts.storage_offset;
  for (std::size_t i = 0; i < facts.shape.size(); ++i) {
    const std::int64_t steps = facts.shape[i] - 1;
    const std::int64_t stride = facts.stride[i];
    if (steps != 0 && stride > (kMost - last) / steps) {
      return std::nullopt;
    }
    last += steps * stride;
  }
  return static_cast<std::uint64_t>(last) + 1;
}

}  // namespace

Read<void> set_tensor_size(TensorFacts& facts) {
  const auto type = torch_type(facts.dtype);
  const std::uint64_t item = type ? type->item_bytes : 1;
  const auto count = element_count(facts.shape);
  if (!count || *count > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) / item) {
    return problem(DefectKind::malformed,
                   std::format("shape {} has more elements than memory can have", shape_text(facts.shape)));
  }
  facts.elements = *count;
  const std::uint64_t packed = type ? type->packed : 1;
  facts.bytes = (*count + packed - 1) / packed * item;
  return {};
}

Read<void> place_tensor(TensorFacts& facts, std::int64_t index, std::uint64_t storage_bytes) {
  if (auto ok = set_tensor_size(facts); !ok) {
    return ok;
  }
  const auto type = torch_type(facts.dtype);
  const std::uint64_t item = type ? type->item_bytes : 1;
  const std::uint64_t packed = type ? type->packed : 1;
  const std::uint64_t there = storage_bytes / item;
  const auto needed = extent(facts);
  if (!needed || *needed / packed + (*needed % packed != 0 ? 1 : 0) > there) {
    return problem(
        DefectKind::malformed,
        std::format("a tensor of shape {}, stride {}, offset {} reaches beyond its storage of {} elements",
                    shape_text(facts.shape), shape_text(facts.stride), facts.storage_offset, there * packed));
  }
  facts.storage = index;
  return {};
}

}  // namespace runup::artifact
