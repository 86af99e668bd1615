// SPDX-License-Identifier: Apache-2.0
#include "config/waiver.h"

#include <algorithm>
#include <charconv>

namespace runup {

std::optional<std::chrono::sys_days> parse_day(std::string_view text) {
  const auto number = [&](std::size_t at, std::size_t digits) {
    int value = 0;
    const std::string_view part = text.substr(at, digits);
    const bool whole = std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
    std::from_chars(part.data(), part.data() + part.size(), value);
    return whole ? value : -1;
  };
  if (text.size() != 10 || text[4] != '-' || text[7] != '-' || number(0, 4) < 0 || number(5, 2) < 1 ||
      number(8, 2) < 1) {
    return std::nullopt;
  }
  const std::chrono::year_month_day day(std::chrono::year(number(0, 4)),
                                        std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                        std::chrono::day(static_cast<unsigned>(number(8, 2))));
  return day.ok() ? std::optional(std::chrono::sys_days(day)) : std::nullopt;
}

}  // namespace runup
