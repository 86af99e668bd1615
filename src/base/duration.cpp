// SPDX-License-Identifier: Apache-2.0
#include "base/duration.h"

#include <array>
#include <charconv>
#include <cmath>
#include <ctime>
#include <format>
#include <span>
#include <utility>

#include "base/text.h"

namespace runup {

namespace {

using Unit = std::pair<std::string_view, double>;

constexpr std::array<Unit, 6> kTimeUnits{
    {{"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1.0}, {"m", 60.0}, {"h", 3600.0}}};
constexpr std::array<Unit, 9> kByteUnits{{{"B", 1.0},
                                          {"kB", 1e3},
                                          {"MB", 1e6},
                                          {"GB", 1e9},
                                          {"TB", 1e12},
                                          {"KiB", 1024.0},
                                          {"MiB", 1048576.0},
                                          {"GiB", 1073741824.0},
                                          {"TiB", 1099511627776.0}}};
constexpr double kMaxSeconds = 100.0 * 366 * 24 * 3600;
constexpr double kMaxBytes = 1e18;

Result<double> parse_with_unit(std::string_view text, std::span<const Unit> units, std::string_view what,
                               std::string_view example) {
  const auto complain = [&](std::string_view seen) {
    std::string names;
    for (const auto& [name, factor] : units) {
      names += names.empty() ? "" : ", ";
      names += name;
    }
    return fail(ErrorCode::bad_input, std::format("`{}` {}; expected {} such as `{}` (units: {})", text, seen,
                                                  what, example, names));
  };
  const std::string_view trimmed = trim(text);
  double number = 0;
  const auto [end, error] = std::from_chars(trimmed.data(), trimmed.data() + trimmed.size(), number);
  if (error != std::errc{} || !std::isfinite(number)) {
    return complain("is not a number with a unit");
  }
  if (number < 0) {
    return complain("is negative");
  }
  const std::string_view unit = trim(trimmed.substr(static_cast<std::size_t>(end - trimmed.data())));
  for (const auto& [name, factor] : units) {
    if (unit == name) {
      return number * factor;
    }
  }
  return complain(unit.empty() ? "has no unit" : "has an unknown unit");
}

// Three significant digits without an exponent.
std::string three_digits(double value) {
  if (value >= 99.95) {
    return std::format("{:.0f}", value);
  }
  return value >= 9.995 ? std::format("{:.1f}", value) : std::format("{:.2f}", value);
}

}  // namespace

Duration Duration::from_seconds(double seconds) {
  if (std::isnan(seconds)) {
    return {};
  }
  const double clamped = std::fmin(std::fmax(seconds, -kMaxSeconds), kMaxSeconds);
  return {std::llround(clamped * 1e9)};
}

Result<Duration> parse_duration(std::string_view text) {
  auto seconds = parse_with_unit(text, kTimeUnits, "a duration", "500ms");
  if (!seconds) {
    return std::unexpected(seconds.error());
  }
  if (*seconds > kMaxSeconds) {
    return fail(ErrorCode::bad_input, std::format("`{}` is longer than 100 years", text));
  }
  return Duration::from_seconds(*seconds);
}

std::string format_duration(Duration duration) {
  if (duration.nanoseconds < 0) {
    return "-" + format_duration({-duration.nanoseconds});
  }
  const double seconds = duration.seconds();
  if (duration.nanoseconds == 0) {
    return "0 ms";
  }
  if (seconds < 1e-6) {
    return std::format("{} ns", duration.nanoseconds);
  }
  if (seconds < 0.9995e-3) {
    return three_digits(seconds * 1e6) + " us";
  }
  if (seconds < 0.9995) {
    return three_digits(seconds * 1e3) + " ms";
  }
  if (seconds < 119.5) {
    return three_digits(seconds) + " s";
  }
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  if (whole < 7200) {
    return std::format("{} min {} s", whole / 60, whole % 60);
  }
  return std::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

Result<ByteSize> parse_byte_size(std::string_view text) {
  auto bytes = parse_with_unit(text, kByteUnits, "a size", "512MiB");
  if (!bytes) {
    return std::unexpected(bytes.error());
  }
  if (*bytes > kMaxBytes) {
    return fail(ErrorCode::bad_input, std::format("`{}` is larger than any disk", text));
  }
  return ByteSize{static_cast<std::uint64_t>(std::llround(*bytes))};
}

std::string format_bytes(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 5> kNames{"KiB", "MiB", "GiB", "TiB", "PiB"};
  if (bytes < 1024) {
    return std::format("{} B", bytes);
  }
  double value = static_cast<double>(bytes) / 1024.0;
  std::size_t index = 0;
  while (value >= 1023.5 && index + 1 < kNames.size()) {
    value /= 1024.0;
    ++index;
  }
  return three_digits(value) + " " + std::string(kNames[index]);
}

Duration steady_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return {static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec};
}

}  // namespace runup
