// SPDX-License-Identifier: Apache-2.0
#include "report/time_change.h"

#include <catch2/catch_test_macros.hpp>

using namespace runup;

namespace {

Measurement time(std::string name, std::int64_t low, std::int64_t value, std::int64_t high,
                 std::string witness = "libtorch 2.6.0 on cpu") {
  return {.model = "sign",
          .name = std::move(name),
          .value = Duration::from_milliseconds(value),
          .low = Duration::from_milliseconds(low),
          .high = Duration::from_milliseconds(high),
          .count = 200,
          .witness = std::move(witness)};
}

Report report_with(std::vector<Measurement> times) {
  Report report;
  report.measurements = std::move(times);
  return report;
}

std::string only_text(const Measurement& before, const Measurement& after) {
  const auto changes = time_changes(report_with({before}), report_with({after}));
  REQUIRE(changes.size() == 1);
  return time_change_text(changes.front());
}

}  // namespace

TEST_CASE("times of two runs are compared where both have them by one witness") {
  const Report before = report_with({time("load", 900, 1000, 1100), time("p95", 40, 41, 42),
                                     time("p99", 50, 51, 52, "torch 2.6.0 on cpu"), time("first", 1, 2, 3)});
  const Report after = report_with({time("p95", 60, 63, 66), time("load", 950, 1050, 1150),
                                    time("p99", 70, 71, 72), time("p50", 30, 31, 32)});
  const auto changes = time_changes(before, after);
  REQUIRE(changes.size() == 2);
  CHECK(changes[0] == TimeChange{.model = "sign",
                                 .name = "p95",
                                 .before = Duration::from_milliseconds(41),
                                 .after = Duration::from_milliseconds(63),
                                 .is_clear = true});
  CHECK(changes[1].name == "load");
  CHECK_FALSE(changes[1].is_clear);
}

TEST_CASE("a change is told with its direction and its size, noise as noise") {
  CHECK(only_text(time("p95", 40, 41, 42), time("p95", 60, 63, 66)) ==
        "p95 rose from 41.0 ms to 63.0 ms (+54%)");
  CHECK(only_text(time("p95", 60, 63, 66), time("p95", 40, 41, 42)) ==
        "p95 fell from 63.0 ms to 41.0 ms (-35%)");
  CHECK(only_text(time("p95", 40, 41, 42), time("p95", 90, 98, 99)) ==
        "p95 rose from 41.0 ms to 98.0 ms (2.4 times as long)");
  CHECK(only_text(time("p95", 40, 41, 45), time("p95", 44, 46, 47)) ==
        "p95 46.0 ms after 41.0 ms, within the noise of measuring");
  CHECK(only_text(time("p95", 40, 41, 42), time("p95", 40, 41, 42)) == "p95 41.0 ms, as before");
  CHECK(only_text(time("p95", 0, 0, 0), time("p95", 40, 41, 42)) ==
        "p95 41.0 ms after 0 ms, within the noise of measuring");
}
