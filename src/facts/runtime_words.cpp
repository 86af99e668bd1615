// SPDX-License-Identifier: Apache-2.0
#include "facts/runtime_words.h"

#include <algorithm>
#include <array>

namespace runup {

bool says_out_of_memory(std::string_view words) {
  constexpr std::array<std::string_view, 9> kSigns{"can't allocate memory",
                                                   "not enough memory",
                                                   "bad_alloc",
                                                   "MemoryError",
                                                   "out of memory",
                                                   "Failed to allocate memory",
                                                   "Cannot allocate memory",
                                                   "BFCArena::AllocateRaw",
                                                   "bad_array_new_length"};
  return std::ranges::any_of(kSigns, [&](std::string_view sign) { return words.contains(sign); });
}

}  // namespace runup
