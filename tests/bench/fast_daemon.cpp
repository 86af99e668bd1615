// SPDX-License-Identifier: Apache-2.0
// runupd on a clock that runs faster: fast-daemon CONFIG_FOLDER HISTORY SOCKET SPEED

#include <cstdlib>
#include <span>
#include <string>

#include "daemon/daemon.h"
#include "program/probe_folder.h"
#include "program/roles.h"

int main(int argc, char** argv) {
  if (const auto code = runup::run_role(argc, argv)) {
    return *code;
  }
  const std::span<char*> arguments(argv, static_cast<std::size_t>(argc));
  if (arguments.size() != 5) {
    return 64;
  }
  const double speed = std::strtod(arguments[4], nullptr);
  const runup::Moment start = runup::now();
  const auto fast = [start, speed] {
    const runup::Moment real = runup::now();
    const auto scaled = [speed](std::int64_t from, std::int64_t to) {
      return from + static_cast<std::int64_t>(static_cast<double>(to - from) * speed);
    };
    return runup::Moment{.wall = scaled(start.wall, real.wall), .boot = scaled(start.boot, real.boot)};
  };
  return runup::run_daemon({.config_folder = arguments[1],
                            .history = arguments[2],
                            .socket = arguments[3],
                            .listen = {},
                            .probe_folder = runup::find_probe_folder(),
                            .clock = fast,
                            .clock_speed = speed});
}
