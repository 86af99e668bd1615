// SPDX-License-Identifier: Apache-2.0
#include "base/timestamp.h"

#include <algorithm>
#include <chrono>

namespace runup {

namespace {

// Takes `digits` digits from the front of `text`.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
  if (text.size() < digits ||
      text.substr(0, digits).find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  int number = 0;
  for (const char digit : text.substr(0, digits)) {
    number = number * 10 + (digit - '0');
  }
  text.remove_prefix(digits);
  return number;
}

bool take(std::string_view& text, char expected) {
  const bool there = text.starts_with(expected);
  text.remove_prefix(there ? 1 : 0);
  return there;
}

// "Z", "+09:00"
std::optional<std::chrono::minutes> offset_of(std::string_view text) {
  if (text == "Z") {
    return std::chrono::minutes(0);
  }
  const int sign = text.starts_with('-') ? -1 : 1;
  if (!take(text, '+') && !take(text, '-')) {
    return std::nullopt;
  }
  const auto hours = take_number(text, 2);
  const bool colon = take(text, ':');
  const auto minutes = take_number(text, 2);
  if (!hours || !colon || !minutes || !text.empty()) {
    return std::nullopt;
  }
  return sign * (std::chrono::hours(*hours) + std::chrono::minutes(*minutes));
}

}  // namespace

std::optional<std::int64_t> seconds_since_1970(std::string_view text) {
  const auto year = take_number(text, 4);
  const bool first = take(text, '-');
  const auto month = take_number(text, 2);
  const bool second = take(text, '-');
  const auto day = take_number(text, 2);
  const bool middle = take(text, 'T');
  const auto hour = take_number(text, 2);
  const bool third = take(text, ':');
  const auto minute = take_number(text, 2);
  const bool fourth = take(text, ':');
  const auto of_minute = take_number(text, 2);
  if (!year || !month || !day || !hour || !minute || !of_minute || !first || !second || !middle || !third ||
      !fourth) {
    return std::nullopt;
  }
  if (take(text, '.')) {
    text.remove_prefix(std::min(text.find_first_not_of("0123456789"), text.size()));
  }
  const auto offset = offset_of(text);
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!offset || !date.ok() || *hour > 23 || *minute > 59 || *of_minute > 60) {
    return std::nullopt;
  }
  return (std::chrono::sys_days(date).time_since_epoch() + std::chrono::hours(*hour) +
          std::chrono::minutes(*minute) + std::chrono::seconds(*of_minute) - *offset)
      .count();
}

}  // namespace runup
