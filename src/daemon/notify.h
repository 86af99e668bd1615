// SPDX-License-Identifier: Apache-2.0
#pragma once

// What systemd is told of the daemon (sd_notify(3)); nothing happens where systemd did not start it.

#include <optional>
#include <string>

#include "base/duration.h"

namespace runup {

void notify_ready(const std::string& status);
// A reload begins; notify_ready() ends it.
void notify_reloading();
void notify_status(const std::string& status);
void notify_stopping();
void notify_watchdog();
// How often systemd wants to hear notify_watchdog(), halved; nothing where it does not.
std::optional<Duration> watchdog_interval();

}  // namespace runup
