// SPDX-License-Identifier: Apache-2.0
#pragma once

// Calendar expressions of systemd (systemd.time(7)), as systemd itself reads them: `systemd-analyze calendar` is asked,
// in the host's time zone.

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace runup {

// The first elapse after `wall` (nanoseconds since 1970); nothing when there is none any more. Errors: the expression
// is none, or this host has no `systemd-analyze`.
Result<std::optional<std::int64_t>> next_elapse(const std::string& expression, std::int64_t wall);

// What `systemd-analyze calendar` printed, for tests.
Result<std::optional<std::int64_t>> read_elapse(const std::string& output);

}  // namespace runup
