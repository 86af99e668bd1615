// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace runup::checks::startup_time {

// The first line of the log that says how long loading, warming up or starting took: "loaded in 1.85 s",
// "load_seconds=1.2", "warm-up took 300 ms". Empty when there is none.
std::string load_time_line(std::string_view log);

}  // namespace runup::checks::startup_time
