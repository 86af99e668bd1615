// SPDX-License-Identifier: Apache-2.0
#include "daemon/schedule.h"

#include <algorithm>
#include <ctime>
#include <utility>

namespace runup {

namespace {

constexpr std::int64_t kYear = std::int64_t{365} * 24 * 3600 * 1'000'000'000;

std::int64_t read_clock(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

Moment now() { return {.wall = read_clock(CLOCK_REALTIME), .boot = read_clock(CLOCK_BOOTTIME)}; }

Schedule::Schedule(Timing timing, const Moment& now, std::optional<std::int64_t> last)
    : timing_(std::move(timing)) {
  if (timing_.every.nanoseconds > 0) {
    // One that the wall clock says to be in the future was not: the clock was set since.
    const std::int64_t since = last ? std::max<std::int64_t>(now.wall - *last, 0) : 0;
    const std::int64_t left = std::max<std::int64_t>(timing_.every.nanoseconds - since, 0);
    due_boot_ = last ? now.boot + left + timing_.offset.nanoseconds : now.boot;
  } else {
    due_wall_ = last ? elapse_after(std::min(*last, now.wall)) : now.wall;
  }
}

std::optional<std::int64_t> Schedule::elapse_after(std::int64_t wall) const {
  const auto elapse = timing_.next_elapse ? timing_.next_elapse(wall) : std::nullopt;
  return elapse ? std::optional(*elapse + timing_.offset.nanoseconds) : std::nullopt;
}

bool Schedule::is_due(const Moment& now) const { return wait(now).nanoseconds == 0; }

Duration Schedule::wait(const Moment& now) const {
  if (timing_.every.nanoseconds > 0) {
    return {std::clamp<std::int64_t>(due_boot_ - now.boot, 0, kYear)};
  }
  return {due_wall_ ? std::clamp<std::int64_t>(*due_wall_ - now.wall, 0, kYear) : kYear};
}

void Schedule::begin(const Moment& now) {
  if (timing_.every.nanoseconds > 0) {
    // In step with the first, so that time that audits take adds up to no delay; what was missed is not made up for.
    const std::int64_t late = now.boot - due_boot_;
    const bool in_step = late >= 0 && late < timing_.every.nanoseconds;
    due_boot_ = (in_step ? due_boot_ : now.boot) + timing_.every.nanoseconds;
  } else {
    due_wall_ = elapse_after(now.wall);
  }
}

void Schedule::clock_was_set(const Moment& now) {
  if (timing_.every.nanoseconds > 0) {
    return;
  }
  const auto next = elapse_after(now.wall);
  due_wall_ = due_wall_ && next ? std::min(*due_wall_, *next) : next;
}

}  // namespace runup
