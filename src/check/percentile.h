// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/duration.h"

namespace runup {

// A percentile of some measurements, and the interval in which it would probably be found again.
struct Figure {
  Duration value;
  Duration low;
  Duration high;
  std::size_t measurements = 0;
};

// The `percent`-th percentile (nearest rank) of at least one measurement. The interval is bounded by
// order statistics: of n measurements, the rank of the percentile p scatters with a standard
// deviation of sqrt(n p (1-p)), whatever their distribution; the interval reaches one standard
// deviation to each side, rounded outwards to whole ranks. Fewer than three measurements show no
// scatter, so the interval then reaches from half to twice the value.
Figure percentile(std::vector<Duration> measurements, double percent);

enum class Standing {
  // the whole interval is within the budget
  within,
  // the whole interval is over it
  over,
  // the budget lies inside the interval: measuring again could give the other answer
  noisy,
};
Standing compare(const Figure& figure, Duration budget);

}  // namespace runup
