// SPDX-License-Identifier: Apache-2.0
#include "daemon/notify.h"

#include <systemd/sd-daemon.h>

#include <cstdint>
#include <format>

namespace runup {

void notify_ready(const std::string& status) {
  ::sd_notify(0, std::format("READY=1\nSTATUS={}", status).c_str());
}

void notify_reloading() {
  ::sd_notify(0, std::format("RELOADING=1\nMONOTONIC_USEC={}", steady_now().nanoseconds / 1000).c_str());
}

void notify_status(const std::string& status) { ::sd_notify(0, std::format("STATUS={}", status).c_str()); }

void notify_stopping() { ::sd_notify(0, "STOPPING=1"); }

void notify_watchdog() { ::sd_notify(0, "WATCHDOG=1"); }

std::optional<Duration> watchdog_interval() {
  std::uint64_t microseconds = 0;
  if (::sd_watchdog_enabled(0, &microseconds) <= 0) {
    return std::nullopt;
  }
  return Duration{static_cast<std::int64_t>(microseconds) * 1000 / 2};
}

}  // namespace runup
