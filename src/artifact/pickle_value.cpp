// SPDX-License-Identifier: Apache-2.0
#include "artifact/pickle_value.h"

#include "base/text.h"

namespace runup::artifact {

ValueId Pickle::entry(ValueId dict, std::string_view key) const {
  if (!is(dict, ValueKind::dict)) {
    return kNoValue;
  }
  const std::vector<ValueId>& items = values[dict].items;
  for (std::size_t i = items.size(); i >= 2; i -= 2) {
    if (text(items[i - 2]) == key) {
      return items[i - 1];
    }
  }
  return kNoValue;
}

bool is_python_utf8(std::string_view text) {
  const auto is_surrogate = [](std::string_view at) {
    return at.size() >= 3 && at[0] == '\xed' && static_cast<unsigned char>(at[1]) >= 0xA0 &&
           static_cast<unsigned char>(at[1]) <= 0xBF && (static_cast<unsigned char>(at[2]) & 0xC0U) == 0x80U;
  };
  while (!text.empty()) {
    std::size_t length = utf8_sequence_length(text);
    if (length == 0) {
      if (!is_surrogate(text)) {
        return false;
      }
      length = 3;
    }
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace runup::artifact
