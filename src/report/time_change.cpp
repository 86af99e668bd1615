// SPDX-License-Identifier: Apache-2.0
#include "report/time_change.h"

#include <algorithm>
#include <cmath>
#include <format>

namespace runup {

namespace {

// "+53%", "2.4 times as long"
std::string factor_text(const TimeChange& change) {
  const double factor = change.after.seconds() / change.before.seconds();
  return factor >= 2 ? std::format("{:.1f} times as long", factor)
                     : std::format("{:+.0f}%", std::round((factor - 1) * 100));
}

}  // namespace

std::vector<TimeChange> time_changes(const Report& before, const Report& after) {
  std::vector<TimeChange> changes;
  for (const Measurement& now : after.measurements) {
    const auto then = std::ranges::find_if(before.measurements, [&](const Measurement& one) {
      return one.model == now.model && one.name == now.name && one.witness == now.witness;
    });
    if (then != before.measurements.end()) {
      changes.push_back({.model = now.model,
                         .name = now.name,
                         .before = then->value,
                         .after = now.value,
                         .is_clear = now.low > then->high || now.high < then->low});
    }
  }
  return changes;
}

std::string time_change_text(const TimeChange& change) {
  const std::string before = format_duration(change.before);
  const std::string after = format_duration(change.after);
  if (!change.is_clear || change.before.nanoseconds <= 0) {
    return before == after
               ? std::format("{} {}, as before", change.name, after)
               : std::format("{} {} after {}, within the noise of measuring", change.name, after, before);
  }
  return std::format("{} {} from {} to {} ({})", change.name, change.after > change.before ? "rose" : "fell",
                     before, after, factor_text(change));
}

}  // namespace runup
