// SPDX-License-Identifier: Apache-2.0
#include "daemon/calendar.h"

#include <format>
#include <string_view>

#include "base/text.h"
#include "base/timestamp.h"
#include "daemon/program_output.h"

namespace runup {

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

// "Fri 2026-11-27 05:00:00 UTC"
std::optional<std::int64_t> read_time(std::string_view text) {
  constexpr std::size_t kWeekday = 4;
  constexpr std::size_t kDate = 10;
  constexpr std::size_t kTime = 8;
  if (text.size() != kWeekday + kDate + 1 + kTime + 4 || !text.ends_with(" UTC")) {
    return std::nullopt;
  }
  const auto seconds = seconds_since_1970(
      std::format("{}T{}Z", text.substr(kWeekday, kDate), text.substr(kWeekday + kDate + 1, kTime)));
  return seconds ? std::optional(*seconds * kSecond) : std::nullopt;
}

}  // namespace

Result<std::optional<std::int64_t>> read_elapse(const std::string& output) {
  // Where the host's zone is not UTC a second line says it in UTC.
  std::string_view found;
  for (std::string_view rest = output; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = trim(rest.substr(0, end));
    for (const std::string_view label : {"Next elapse: ", "(in UTC): "}) {
      found = line.starts_with(label) ? line.substr(label.size()) : found;
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (found == "never") {
    return std::nullopt;
  }
  const auto time = read_time(found);
  if (!time) {
    return fail(ErrorCode::bad_input,
                std::format("`systemd-analyze calendar` answered `{}`; expected a time in UTC",
                            printable(output.substr(0, 200))));
  }
  return *time;
}

Result<std::optional<std::int64_t>> next_elapse(const std::string& expression, std::int64_t wall) {
  const auto output = run_program({"systemd-analyze", "calendar", "--iterations=1",
                                   std::format("--base-time=@{}", wall / kSecond), "--", expression},
                                  Duration::from_seconds(10));
  if (!output && output.error().code == ErrorCode::not_found) {
    return fail(ErrorCode::not_found,
                "a calendar expression needs systemd's `systemd-analyze`, which this host does not "
                "have; give `every:` instead");
  }
  if (!output) {
    return std::unexpected(output.error());
  }
  if (output->status != 0) {
    return fail(
        ErrorCode::bad_input,
        std::format("`{}` is no calendar expression: {}; expected one such as `Mon..Fri 03:00` (see `man "
                    "systemd.time`)",
                    printable(expression), printable(std::string(trim(output->text)))));
  }
  return read_elapse(output->text);
}

}  // namespace runup
