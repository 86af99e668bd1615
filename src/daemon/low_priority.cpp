// SPDX-License-Identifier: Apache-2.0
#include "daemon/low_priority.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <format>
#include <sstream>
#include <thread>
#include <vector>

#include "base/bytes.h"

namespace runup {

namespace {

// linux/ioprio.h
constexpr int kWhoProcess = 1;
constexpr int kIdleClass = 3;
constexpr int kClassShift = 13;

// At least this share of one processor has to be idle for what is measured on it to be its own.
constexpr double kIdleShare = 0.8;
constexpr std::chrono::milliseconds kLook{200};

struct CpuTime {
  double idle = 0;
  double all = 0;
};

// The processors that this process may use, from /proc/stat (proc_stat(5): user nice system idle iowait ...).
std::vector<CpuTime> cpu_times() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  ::sched_getaffinity(0, sizeof allowed, &allowed);
  std::vector<CpuTime> times;
  std::istringstream lines(read_file("/proc/stat", std::size_t{1} << 20U).value_or(""));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("cpu") || line.starts_with("cpu ")) {
      continue;
    }
    std::istringstream words(line.substr(3));
    int number = 0;
    words >> number;
    if (number < 0 || number >= CPU_SETSIZE || !CPU_ISSET(static_cast<std::size_t>(number), &allowed)) {
      continue;
    }
    CpuTime time;
    double ticks = 0;
    for (int column = 0; words >> ticks; ++column) {
      time.all += ticks;
      time.idle += column == 3 || column == 4 ? ticks : 0;
    }
    times.push_back(time);
  }
  return times;
}

}  // namespace

void take_low_priority() {
  const sched_param none{};
  ::sched_setscheduler(0, SCHED_IDLE, &none);
  ::setpriority(PRIO_PROCESS, 0, 19);
  ::syscall(SYS_ioprio_set, kWhoProcess, 0, kIdleClass << kClassShift);
}

std::string busy_words() {
  const std::vector<CpuTime> before = cpu_times();
  std::this_thread::sleep_for(kLook);
  const std::vector<CpuTime> after = cpu_times();
  double idlest = 0;
  for (std::size_t i = 0; i < std::min(before.size(), after.size()); ++i) {
    const double all = after[i].all - before[i].all;
    idlest = std::max(idlest, all > 0 ? (after[i].idle - before[i].idle) / all : 0);
  }
  if (before.empty() || idlest >= kIdleShare) {
    return {};
  }
  return std::format(
      "an audit measures times only while a processor is idle; the idlest of {} was busy for {:.0f} %",
      after.size(), (1 - idlest) * 100);
}

}  // namespace runup
