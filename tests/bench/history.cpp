// SPDX-License-Identifier: Apache-2.0
// How long a large history takes to answer: `bench-history FILE RUNS` fills FILE and prints its times as JSON.

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <format>
#include <iostream>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "canonical_reports.h"
#include "history/history.h"

using namespace runup;

namespace {

constexpr int kTargets = 4;
constexpr int kRounds = 200;

// Only the first runs are ready, so that the last ready one is far back.
Report report_of(int i) {
  Report report = i < 10 * kTargets ? testing::ready_report() : testing::not_ready_report();
  for (const char* model : {"face", "hand"}) {
    for (CheckResult& result : testing::healthy_results(model)) {
      report.results.push_back(std::move(result));
    }
  }
  // what differs from run to run, as much of it as makes 4.7 kB of a report, like that of the example service
  for (std::size_t at = 0; at < report.results.size(); ++at) {
    report.results[at].took = {std::int64_t{1'000'003} * i + static_cast<std::int64_t>(at)};
    for (const char* name : {"one", "two", "three"}) {
      report.results[at].outcome.evidence.push_back(
          {name, sha256_hex(as_bytes(std::format("{} {} {}", i, at, name)))});
    }
  }
  report.target = std::format("target-{}", i % kTargets);
  const std::chrono::sys_seconds start =
      std::chrono::sys_days(std::chrono::year(2026) / 1 / 1) + std::chrono::minutes(15) * (i / kTargets);
  report.started = std::format("{:%FT%TZ}", start);
  for (const char* name : {"load", "first", "p50", "p95", "p99"}) {
    const Duration value = Duration::from_milliseconds(40 + i % 7);
    report.measurements.push_back({.model = "sign",
                                   .name = name,
                                   .value = value,
                                   .low = value,
                                   .high = value,
                                   .count = 200,
                                   .witness = "libtorch"});
  }
  return report;
}

// As a caller sees it who has just opened the file. `what` says whether its answer was right.
template <class What>
Json timed(const std::string& path, What what) {
  std::vector<double> milliseconds;
  for (int round = 0; round < kRounds; ++round) {
    const Duration start = steady_now();
    const auto history = History::open_to_read(path);
    if (!history || !what(*history)) {
      std::cerr << "a query failed\n";
      std::exit(1);
    }
    milliseconds.push_back((steady_now() - start).milliseconds());
  }
  std::ranges::sort(milliseconds);
  return {{"median_ms", milliseconds[milliseconds.size() / 2]}, {"worst_ms", milliseconds.back()}};
}

Json fill(const std::string& path, int runs) {
  auto history = History::open(path);
  std::vector<double> milliseconds;
  for (int i = 0; i < runs; ++i) {
    const Report report = report_of(i);
    const Duration start = steady_now();
    if (!history || !history->add(report)) {
      std::cerr << "cannot fill the history\n";
      std::exit(1);
    }
    milliseconds.push_back((steady_now() - start).milliseconds());
  }
  std::ranges::sort(milliseconds);
  return {{"median_ms", milliseconds[milliseconds.size() / 2]}, {"worst_ms", milliseconds.back()}};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: bench-history FILE RUNS\n";
    return 64;
  }
  const std::string path = argv[1];
  const int runs = std::atoi(argv[2]);
  Json times{{"runs", runs}, {"rounds", kRounds}, {"add", fill(path, runs)}};
  times["file_mib"] = static_cast<double>(std::filesystem::file_size(path)) / (1 << 20U);
  times["newest_20"] = timed(path, [](const History& history) {
    const auto found = history.runs({.target = "target-1"});
    return found && found->size() == 20;
  });
  times["last_ready"] = timed(path, [](const History& history) {
    const auto found = history.last("target-1", Verdict::ready);
    return found && *found && (*found)->run == 9 * kTargets + 2;
  });
  times["series_100"] = timed(path, [](const History& history) {
    const auto found = history.times("target-1", "sign", "p95", 100);
    return found && found->size() == 100;
  });
  times["targets"] =
      timed(path, [](const History& history) { return history.targets()->size() == kTargets; });
  times["one_report"] =
      timed(path, [runs](const History& history) { return history.report(runs / 2).has_value(); });
  std::cout << dump_json(times, 2) << "\n";
  return 0;
}
