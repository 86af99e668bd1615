// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace runup {

// Seconds since 1970 of `2026-11-25T01:23:22Z`, also with a fraction, and with `+09:00` for `Z`.
std::optional<std::int64_t> seconds_since_1970(std::string_view text);

}  // namespace runup
