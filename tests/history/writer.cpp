// SPDX-License-Identifier: Apache-2.0
// Adds runs to a history: `history_writer FILE [RUNS [KEPT]]`, until it is killed or RUNS are added. Prints each number
// once its run is on the disk.

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <format>
#include <iostream>
#include <string>

#include "canonical_reports.h"
#include "history/history.h"

using namespace runup;

namespace {

// As real runs differ from each other: when they were, how long things took, sometimes how they went.
Report report_of(int i) {
  static const auto kReports = testing::canonical_reports();
  Report report = i % 20 == 7  ? testing::not_ready_report()
                  : i % 2 == 0 ? testing::ready_report()
                               : kReports[static_cast<std::size_t>(i / 2) % kReports.size()].report;
  const std::chrono::sys_seconds start =
      std::chrono::sys_days(std::chrono::year(2026) / 1 / 1) + std::chrono::minutes(15) * i;
  report.started = std::format("{:%FT%TZ}", start);
  report.took = Duration::from_milliseconds(1800 + i % 97);
  for (const char* name : {"load", "first", "p50", "p95", "p99"}) {
    const Duration value = Duration::from_milliseconds(40 + i % 7);
    report.measurements.push_back({.model = "sign",
                                   .name = name,
                                   .value = value,
                                   .low = value,
                                   .high = value,
                                   .count = 200,
                                   .witness = "libtorch 2.6.0 on cpu"});
  }
  return report;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: history_writer FILE [RUNS [KEPT]]\n";
    return 64;
  }
  const int runs = argc > 2 ? std::atoi(argv[2]) : 1'000'000;
  const Retention retention{.runs = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 10'000};
  auto history = History::open(argv[1]);
  if (!history) {
    std::cerr << history.error().describe() << "\n";
    return 1;
  }
  for (int i = 0; i < runs; ++i) {
    const auto run = history->add(report_of(i), retention);
    if (!run) {
      std::cerr << run.error().describe() << "\n";
      return 1;
    }
    std::cout << std::format("{}\n", *run) << std::flush;
  }
  return 0;
}
