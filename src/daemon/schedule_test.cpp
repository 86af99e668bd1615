// SPDX-License-Identifier: Apache-2.0
#include "daemon/schedule.h"

#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "daemon/calendar.h"
#include "daemon/targets.h"

namespace runup {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 60 * kMinute;
// 2026-11-27T00:00:00Z
constexpr std::int64_t kMidnight = 1'795'737'600 * kSecond;

// Both clocks of a host, which a test lets go on, sleep and jump.
struct Clocks {
  Moment at{.wall = kMidnight, .boot = 100 * kHour};
  // also while the host is suspended
  void pass(std::int64_t nanoseconds) {
    at.wall += nanoseconds;
    at.boot += nanoseconds;
  }
};

Timing every(std::int64_t nanoseconds, std::int64_t offset = 0) {
  return {.every = {nanoseconds}, .offset = {offset}, .next_elapse = {}};
}

// Full hours, as `hourly` is.
Timing hourly() {
  return {.every = {}, .offset = {}, .next_elapse = [](std::int64_t wall) {
            return std::optional((wall / kHour + 1) * kHour);
          }};
}

// Lets time pass in steps and audits whatever is due; when audits began, by the wall clock.
std::vector<std::int64_t> run(Schedule& schedule, Clocks& clocks, std::int64_t length,
                              std::int64_t step = 10 * kSecond) {
  std::vector<std::int64_t> begun;
  for (const std::int64_t end = clocks.at.boot + length; clocks.at.boot < end; clocks.pass(step)) {
    if (schedule.is_due(clocks.at)) {
      begun.push_back(clocks.at.wall);
      schedule.begin(clocks.at);
    }
  }
  return begun;
}

TEST_CASE("schedule: a day of quarters of an hour") {
  Clocks clocks;
  Schedule schedule(every(15 * kMinute), clocks.at, std::nullopt);
  const auto begun = run(schedule, clocks, 24 * kHour);
  REQUIRE(begun.size() == 96);
  for (std::size_t i = 0; i < begun.size(); ++i) {
    CHECK(begun[i] == kMidnight + static_cast<std::int64_t>(i) * 15 * kMinute);
  }
}

TEST_CASE("schedule: audits that take long or begin late put nothing off") {
  Clocks clocks;
  Schedule schedule(every(15 * kMinute), clocks.at, std::nullopt);
  std::size_t audits = 0;
  for (const std::int64_t end = clocks.at.boot + 24 * kHour; clocks.at.boot < end;) {
    // woken up to 40 s late, then busy for 3 minutes
    clocks.pass(schedule.wait(clocks.at).nanoseconds + static_cast<std::int64_t>(audits % 5) * 10 * kSecond);
    schedule.begin(clocks.at);
    ++audits;
    clocks.pass(3 * kMinute);
  }
  CHECK(audits >= 96);
  CHECK(audits <= 97);
}

TEST_CASE("schedule: setting the clock does not move what goes by time passed") {
  Clocks clocks;
  Schedule schedule(every(15 * kMinute), clocks.at, std::nullopt);
  CHECK(run(schedule, clocks, 4 * kHour).size() == 16);
  for (const std::int64_t jump : {5 * kHour, -9 * kHour, -400 * 24 * kHour}) {
    clocks.at.wall += jump;
    schedule.clock_was_set(clocks.at);
    CHECK(run(schedule, clocks, 4 * kHour).size() == 16);
  }
}

TEST_CASE("schedule: a suspend is made up for by one audit") {
  Clocks clocks;
  Schedule schedule(every(15 * kMinute), clocks.at, std::nullopt);
  CHECK(run(schedule, clocks, kHour).size() == 4);
  clocks.pass(5 * kHour + 7 * kMinute);
  const std::int64_t woken = clocks.at.wall;
  const auto begun = run(schedule, clocks, kHour);
  REQUIRE(begun.size() == 4);
  CHECK(begun.front() == woken);
  CHECK(begun[1] == woken + 15 * kMinute);
}

TEST_CASE("schedule: a restart keeps the step, and audits what was missed") {
  const Clocks clocks;
  const auto wait = [&](std::optional<std::int64_t> last) {
    return Schedule(every(15 * kMinute), clocks.at, last).wait(clocks.at).nanoseconds;
  };
  CHECK(wait(std::nullopt) == 0);
  CHECK(wait(kMidnight - 5 * kMinute) == 10 * kMinute);
  CHECK(wait(kMidnight - 20 * kMinute) == 0);
  // in the future: the clock was set meanwhile
  CHECK(wait(kMidnight + 3 * kHour) == 15 * kMinute);
}

TEST_CASE("schedule: the offset comes on top") {
  const Clocks clocks;
  const Schedule overdue(every(15 * kMinute, 90 * kSecond), clocks.at, kMidnight - kHour);
  CHECK(overdue.wait(clocks.at).nanoseconds == 90 * kSecond);
  const Schedule first(every(15 * kMinute, 90 * kSecond), clocks.at, std::nullopt);
  CHECK(first.is_due(clocks.at));
  const Duration one = own_offset(Duration::from_seconds(60), "sign");
  CHECK(one == own_offset(Duration::from_seconds(60), "sign"));
  CHECK(one != own_offset(Duration::from_seconds(60), "face"));
  CHECK(one < Duration::from_seconds(60));
  CHECK(own_offset({}, "sign") == Duration{});
}

TEST_CASE("schedule: by the calendar, each elapse once in a day") {
  Clocks clocks;
  Schedule schedule(hourly(), clocks.at, kMidnight - kMinute);
  const auto begun = run(schedule, clocks, 24 * kHour);
  CHECK(begun.size() == 24);
}

TEST_CASE("schedule: by the calendar, a jump forward or a suspend over elapses is one audit at once") {
  Clocks clocks;
  Schedule schedule(hourly(), clocks.at, kMidnight);
  CHECK(run(schedule, clocks, kHour + kMinute).size() == 1);
  clocks.at.wall += 3 * kHour;
  schedule.clock_was_set(clocks.at);
  CHECK(schedule.is_due(clocks.at));
  CHECK(run(schedule, clocks, kHour).size() == 2);
  clocks.pass(7 * kHour);
  CHECK(schedule.is_due(clocks.at));
}

TEST_CASE("schedule: by the calendar, after a jump back the next elapse counts from there") {
  Clocks clocks;
  // a clock that was a year ahead when the daemon started
  clocks.at.wall += 365 * 24 * kHour;
  Schedule schedule(hourly(), clocks.at, clocks.at.wall);
  clocks.at.wall -= 365 * 24 * kHour;
  schedule.clock_was_set(clocks.at);
  CHECK(schedule.wait(clocks.at).nanoseconds <= kHour);
  CHECK(run(schedule, clocks, 5 * kHour + kMinute).size() == 5);
}

TEST_CASE("schedule: by the calendar, what a stopped daemon missed is due when it starts") {
  const Clocks clocks;
  CHECK(Schedule(hourly(), clocks.at, kMidnight - 3 * kHour).is_due(clocks.at));
  Timing never = hourly();
  never.next_elapse = [](std::int64_t) { return std::optional<std::int64_t>(); };
  const Schedule none(never, clocks.at, kMidnight);
  CHECK(none.wait(clocks.at) > Duration::from_seconds(300.0 * 24 * 3600));
}

// The elapse, 0 for "never", -1 for an error.
std::int64_t elapse_of(const Result<std::optional<std::int64_t>>& elapse) {
  return elapse ? elapse->value_or(0) : -1;
}

TEST_CASE("calendar: what systemd-analyze prints") {
  CHECK(elapse_of(read_elapse("  Original form: hourly\n    Next elapse: Fri 2026-11-27 00:00:00 UTC\n"
                              "       From now: 1h\n")) == kMidnight);
  CHECK(elapse_of(read_elapse("    Next elapse: Fri 2026-11-27 09:00:00 KST\n"
                              "       (in UTC): Fri 2026-11-27 00:00:00 UTC\n")) == kMidnight);
  CHECK(elapse_of(read_elapse("    Next elapse: never\n")) == 0);
  CHECK(elapse_of(read_elapse("nonsense")) == -1);
  CHECK(elapse_of(read_elapse("    Next elapse: Fri 2026-99-27 00:00:00 UTC\n")) == -1);
}

TEST_CASE("calendar: asked of systemd itself") {
  const auto elapse = next_elapse("*-*-* 03:00:00 UTC", kMidnight);
  if (!elapse && elapse.error().code == ErrorCode::not_found) {
    SKIP("this host has no systemd-analyze");
  }
  CHECK(elapse_of(elapse) == kMidnight + 3 * kHour);
  CHECK(elapse_of(next_elapse("2020-01-01", kMidnight)) == 0);
  const auto wrong = next_elapse("every blue moon", kMidnight);
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().message.starts_with("`every blue moon` is no calendar expression"));
}

}  // namespace
}  // namespace runup
