// SPDX-License-Identifier: Apache-2.0
#include "check/percentile.h"

#include <algorithm>
#include <cmath>

namespace runup {

namespace {

constexpr std::size_t kFewestForScatter = 3;

}  // namespace

Figure percentile(std::vector<Duration> measurements, double percent) {
  std::ranges::sort(measurements);
  const auto count = static_cast<double>(measurements.size());
  const double share = percent / 100;
  // Ranks count from 1.
  const auto at = [&](double rank) {
    return measurements[static_cast<std::size_t>(std::clamp(rank, 1.0, count)) - 1];
  };
  const double rank = std::max(1.0, std::ceil(share * count));
  Figure figure{.value = at(rank), .low = {}, .high = {}, .measurements = measurements.size()};
  if (measurements.size() < kFewestForScatter) {
    figure.low = Duration{figure.value.nanoseconds / 2};
    figure.high = Duration{figure.value.nanoseconds * 2};
    return figure;
  }
  const double scatter = std::sqrt(count * share * (1 - share));
  figure.low = at(std::floor(rank - scatter));
  figure.high = at(std::ceil(rank + scatter));
  return figure;
}

Standing compare(const Figure& figure, Duration budget) {
  if (figure.high <= budget) {
    return Standing::within;
  }
  return figure.low > budget ? Standing::over : Standing::noisy;
}

}  // namespace runup
