// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace runup {

// A length of time. In YAML it is written with a unit ("500ms", "2s", "1.5m"); in JSON it is a
// number of seconds, which keeps every nanosecond of lengths below 26 days.
struct Duration {
  std::int64_t nanoseconds = 0;

  static Duration from_seconds(double seconds);
  static constexpr Duration from_milliseconds(std::int64_t ms) { return {ms * 1'000'000}; }
  double seconds() const { return static_cast<double>(nanoseconds) / 1e9; }
  double milliseconds() const { return static_cast<double>(nanoseconds) / 1e6; }

  auto operator<=>(const Duration&) const = default;
  Duration operator+(Duration other) const { return {nanoseconds + other.nanoseconds}; }
  Duration operator-(Duration other) const { return {nanoseconds - other.nanoseconds}; }
  Duration& operator+=(Duration other) {
    nanoseconds += other.nanoseconds;
    return *this;
  }
};

// Reads a number with one of the units ns, us, ms, s, m, h. A bare number is an error, because its
// unit would be a guess; so are negative and absurdly large (over 100 years) values.
Result<Duration> parse_duration(std::string_view text);

// Three significant digits in the unit that suits: "41.2 ms", "1.85 s", "3 m 20 s".
std::string format_duration(Duration duration);

// A number of bytes. In YAML with a unit ("512MiB", "2GB", "4096B"); in JSON a plain integer.
struct ByteSize {
  std::uint64_t bytes = 0;
  auto operator<=>(const ByteSize&) const = default;
};

// Reads an integer or decimal number with one of B, kB, MB, GB, TB, KiB, MiB, GiB, TiB.
Result<ByteSize> parse_byte_size(std::string_view text);

// "134 B", "1.16 MiB".
std::string format_bytes(std::uint64_t bytes);

// The monotonic clock.
Duration steady_now();

}  // namespace runup
