// SPDX-License-Identifier: Apache-2.0
#pragma once

// When a target is audited next. No clock is read here: every moment is given, so that a day can be played through in
// no time.

#include <cstdint>
#include <functional>
#include <optional>

#include "base/duration.h"

namespace runup {

// One moment on two clocks: of the calendar, which is set and jumps, and since the boot with the time in suspend
// (CLOCK_BOOTTIME), which only goes on. Nanoseconds; `wall` since 1970.
struct Moment {
  std::int64_t wall = 0;
  std::int64_t boot = 0;
};
Moment now();

struct Timing {
  // between two audits; 0: by the calendar
  Duration every;
  // this host's part of `splay`: how much later than its time an audit comes
  Duration offset;
  // The first elapse of the calendar expression after a moment, `wall`; nothing when there is none.
  std::function<std::optional<std::int64_t>(std::int64_t wall)> next_elapse;
};

// `every` goes by the boot clock: setting the calendar's clock changes nothing, and what was due during a suspend is
// due when it ends, once. A calendar expression goes by the wall clock; an elapse that a jump forward or a stopped
// daemon has skipped is due at once, and after a jump back the next one counts from where the clock is now.
class Schedule {
 public:
  // `last`: when the target was audited before, by the wall clock; nothing: never, so that it is due now.
  Schedule(Timing timing, const Moment& now, std::optional<std::int64_t> last);

  bool is_due(const Moment& now) const;
  // Until it is due, at most a year; zero when it is.
  Duration wait(const Moment& now) const;
  // An audit begins, whatever asked for it.
  void begin(const Moment& now);
  // The wall clock was set.
  void clock_was_set(const Moment& now);

 private:
  std::optional<std::int64_t> elapse_after(std::int64_t wall) const;

  Timing timing_;
  // of `every`
  std::int64_t due_boot_ = 0;
  // of a calendar; nothing: never again
  std::optional<std::int64_t> due_wall_;
};

}  // namespace runup
