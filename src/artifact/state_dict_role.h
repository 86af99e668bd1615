// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace runup::artifact {

struct MappingOfTensors {
  std::string_view path;
  std::span<const std::string_view> keys;
  bool has_metadata = false;
  bool has_parameters = false;
};

// `optimizer`, `ema`, `weights` or `other`, by the words that training code uses for them.
std::string_view state_dict_role(const MappingOfTensors& mapping);

}  // namespace runup::artifact
