// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the loops have in common: `loop-RUNTIME FILE CALLS` calls the model of FILE with one clip of 300 frames,
// noise, and prints the seconds that each call took.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

namespace bench {

inline constexpr std::int64_t kShape[] = {1, 300, 147};

inline std::vector<float> noise() {
  std::mt19937 engine(1);
  std::normal_distribution<float> normal;
  std::vector<float> values(kShape[0] * kShape[1] * kShape[2]);
  for (float& value : values) {
    value = normal(engine);
  }
  return values;
}

template <class Call>
void time_calls(const char* count, const Call& call) {
  std::vector<double> seconds;
  for (int left = std::atoi(count); left > 0; --left) {
    const auto started = std::chrono::steady_clock::now();
    call();
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count());
  }
  for (const double one : seconds) {
    std::printf("%.9f\n", one);
  }
}

}  // namespace bench
