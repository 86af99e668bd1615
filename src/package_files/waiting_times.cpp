// SPDX-License-Identifier: Apache-2.0
#include "package_files/waiting_times.h"

#include <algorithm>
#include <charconv>
#include <format>
#include <system_error>

namespace runup {

std::optional<std::uint64_t> parse_count(std::string_view text) {
  std::uint64_t count = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), count);
  const bool is_whole = read.ec == std::errc() && read.ptr == text.data() + text.size();
  return is_whole && text.size() <= 9 ? std::optional(count) : std::nullopt;
}

std::optional<Duration> parse_go_duration(std::string_view text) {
  if (text == "0") {
    return Duration{};
  }
  if (text.empty()) {
    return std::nullopt;
  }
  Duration sum;
  while (!text.empty()) {
    constexpr std::string_view kNumber = "0123456789.";
    const std::size_t unit = std::min(text.find_first_not_of(kNumber), text.size());
    const std::size_t end = std::min(text.find_first_of(kNumber, unit), text.size());
    const auto part = unit == 0 ? Result<Duration>() : parse_duration(text.substr(0, end));
    if (unit == 0 || !part) {
      return std::nullopt;
    }
    sum = plus_times(sum, 1, *part);
    text.remove_prefix(end);
  }
  return sum;
}

Duration plus_times(Duration start, std::uint64_t count, Duration each) {
  return Duration::from_seconds(start.seconds() + static_cast<double>(count) * each.seconds());
}

std::string plain_time(Duration time) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const bool is_plain = time.nanoseconds % kSecond == 0 && time.nanoseconds < 1000 * kSecond;
  return is_plain ? std::format("{} s", time.nanoseconds / kSecond) : format_duration(time);
}

}  // namespace runup
