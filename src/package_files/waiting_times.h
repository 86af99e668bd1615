// SPDX-License-Identifier: Apache-2.0
#pragma once

// Times and numbers as Docker, Compose, Kubernetes and gunicorn write them.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/duration.h"

namespace runup {

// A whole number of at most nine digits without a sign; nothing for other text.
std::optional<std::uint64_t> parse_count(std::string_view text);

// A length of time as Go's time.ParseDuration reads it: one or more numbers with their units ("1m30s", "1.5h"), or "0".
// Nothing for other text, negative times and those over 100 years.
std::optional<Duration> parse_go_duration(std::string_view text);

// `start` + `count` x `each`, at most 100 years.
Duration plus_times(Duration start, std::uint64_t count, Duration each);

// "5 s" of whole seconds below 1000, else as `format_duration` has it.
std::string plain_time(Duration time);

}  // namespace runup
