// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace runup {

// `*` stands for any text, also none; every other character for itself.
bool matches_glob(std::string_view pattern, std::string_view text);

}  // namespace runup
