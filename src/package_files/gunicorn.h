// SPDX-License-Identifier: Apache-2.0
#pragma once

// How long gunicorn waits for its workers, as the command that starts it and its config file say.
//
// From gunicorn's settings reference (docs.gunicorn.org/en/stable/settings.html) and its arbiter: a worker that is
// silent for longer than `timeout` (30 s; 0 for ever) is killed. A `sync` worker is silent while it answers a request;
// other classes, and workers with threads, speak meanwhile. Importing the application does not count: until a worker
// speaks for the first time its age is not compared with the same clock (seen with 23.0.0, an import of 6 s under a
// timeout of 2 s). After SIGTERM workers have `graceful_timeout`. The command line wins over the variable
// GUNICORN_CMD_ARGS, that over the config file (`-c`, or `gunicorn.conf.py` where gunicorn is started).

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "facts/package_files.h"

namespace runup {

// What a config file makes of a name.
struct GunicornConfigValue {
  bool is_set = false;
  // the right side of its last assignment; empty when one stands in a block, so that only Python knows
  std::string text;
  std::uint64_t line = 0;
};

// A Python file that may be gunicorn's config.
struct GunicornConfig {
  // relative to the package
  std::string file;
  GunicornConfigValue timeout;
  GunicornConfigValue graceful_timeout;
  GunicornConfigValue worker_class;
  GunicornConfigValue threads;
};

// Never fails. Of more than 256 KiB nothing is known.
GunicornConfig read_gunicorn_config(std::string_view bytes, std::string_view file);

// Where something is started that may be gunicorn.
struct GunicornStart {
  // words of the exec form are not filled in, the shell's text is
  CommandFacts command;
  std::string file;
  // the variables that are known where it starts
  std::vector<SettingFacts> environment;
};

// What `command` waits for a request of a sync worker, and for the stop where a time is written; nothing when it does not
// start gunicorn. Of `configs` only plain numbers count. What may be set in a way that the files do not tell is left
// out, and its default too.
std::vector<PatienceFacts> patience_of_gunicorn(const GunicornStart& start,
                                                std::span<const GunicornConfig> configs);

}  // namespace runup
