// SPDX-License-Identifier: Apache-2.0
#pragma once

// The command line as data: what --help prints and completion scripts offer. Read from the parser, so
// that neither can differ from what is parsed.

#include <string>
#include <string_view>
#include <vector>

#include "cli/terminal.h"

namespace runup {

enum class ValueKind { none, text, file, folder };

struct OptionSpec {
  // "-h", "--help"; empty for a positional argument
  std::vector<std::string> names;
  // "FORMAT[=PATH]"; empty for a flag
  std::string value;
  std::string help;
  // heading in --help
  std::string group;
  ValueKind kind = ValueKind::none;
  // what a value may be, or begin with
  std::vector<std::string> choices;
  bool repeatable = false;
  bool required = false;
};

struct CommandSpec {
  std::string name;
  std::string summary;
  // below the options: examples
  std::string footer;
  std::vector<OptionSpec> options;
  std::vector<OptionSpec> positionals;
  std::vector<CommandSpec> commands;
};

// `parents`: "runup" for a subcommand, empty for the program.
std::string help_text(const CommandSpec& command, std::string_view parents, const Terminal& terminal);

// Completion scripts; `shell` is one of completion_shells().
const std::vector<std::string>& completion_shells();
std::string completion_script(const CommandSpec& program, std::string_view shell);

}  // namespace runup
