// SPDX-License-Identifier: Apache-2.0
#pragma once

// runupd: audits the targets of a folder of configs again and again, and says how they are. One thread; audits are
// processes of their own, one at a time.

#include <functional>
#include <string>

#include "daemon/schedule.h"

namespace runup {

struct DaemonSettings {
  std::string config_folder = "/etc/runup";
  std::string history;
  // empty: none
  std::string socket;
  std::string listen;
  std::string probe_folder;
  // What time it is, and how fast it goes beside the system's clocks, which wake the daemon up: a test's day may take two
  // minutes.
  std::function<Moment()> clock = now;
  double clock_speed = 1;
};

// Until SIGTERM or SIGINT; SIGHUP reads the configs again. The exit code: 0 at a wished end, 78 when no config is
// there, 1 when it cannot listen.
int run_daemon(const DaemonSettings& settings);

// One audit of NAME.yaml (the file's stem or its `target:`): prints the text report, and exits as `runup run` does.
int audit_once(const DaemonSettings& settings, const std::string& name);

// Says what is wrong with the configs.
int check_configs(const DaemonSettings& settings);

}  // namespace runup
