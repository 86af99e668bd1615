// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace runup::artifact {

struct TorchType {
  // without `torch.`: `float32`
  std::string_view name;
  std::uint32_t item_bytes = 0;
  // elements that one item holds: 2 for quint4x2
  std::uint32_t packed = 1;
};

// By the name of a typed storage class: `FloatStorage`, `UntypedStorage` (bytes).
std::optional<TorchType> torch_type_of_storage(std::string_view class_name);
// By the name of a dtype: `float32`, `half`.
std::optional<TorchType> torch_type(std::string_view name);

}  // namespace runup::artifact
