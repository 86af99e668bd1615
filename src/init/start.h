// SPDX-License-Identifier: Apache-2.0
#pragma once

// How the Dockerfile starts the server, and which files of the package may be its entry point.

#include <optional>
#include <string>
#include <vector>

#include "facts/facts.h"

namespace runup::init {

struct StartCommand {
  // of CMD and ENTRYPOINT together; those of a shell's command as far as they stand between blanks
  std::vector<std::string> words;
  // the command is one program and its arguments: no shell would change it
  bool plain = false;
  std::uint64_t line = 0;
  // the file that it starts, relative to the package; empty when that is not known
  std::string file;
};

// `files`: sorted. Nothing without a Dockerfile that has a command.
std::optional<StartCommand> start_command(const std::vector<std::string>& files, const PackageFacts& package);

// Files with a usual name in a usual place, the most usual first.
std::vector<std::string> usual_entries(const std::vector<std::string>& files);

// Where the Dockerfile puts the package, absolute; empty when it does not say so clearly. `entrypoint` is relative to
// the package.
std::string installed_at(const PackageFacts& package, const std::string& entrypoint);

// The command for the config's `service:`: with `{host}` and `{port}` in the place of what the image has; empty when
// the words are neither a server's nor those of a script of the package, or not plain.
std::string service_command(const StartCommand& start);

}  // namespace runup::init
