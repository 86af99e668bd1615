// SPDX-License-Identifier: Apache-2.0
#pragma once

// How the times of two runs differ.

#include <string>
#include <vector>

#include "report/report.h"

namespace runup {

// A time of one model that both runs measured with the same witness.
struct TimeChange {
  std::string model;
  // `p95`
  std::string name;
  Duration before;
  Duration after;
  // the intervals of the two do not touch, so that it is more than the noise of measuring
  bool is_clear = false;
  bool operator==(const TimeChange&) const = default;
};

// In the order of `after`.
std::vector<TimeChange> time_changes(const Report& before, const Report& after);

// "p95 rose from 41.2 ms to 63.0 ms (+53%)"; "p95 41.2 ms, then 41.9 ms: within what measuring it twice may give".
std::string time_change_text(const TimeChange& change);

}  // namespace runup
