// SPDX-License-Identifier: Apache-2.0
#pragma once

// The subcommands, without the command line's parser: command_line.cpp fills these structs.

#include <optional>
#include <string>
#include <vector>

#include "cli/terminal.h"
#include "report/report.h"

namespace runup {

inline constexpr const char* kDefaultConfig = "runup.yaml";

// What every command may use.
struct Session {
  Terminal out;
  Terminal err;
  // with `runup-probe-torch`
  std::string probe_folder;
};

struct RunArguments {
  std::string config = kDefaultConfig;
  std::vector<std::string> set;
  std::vector<std::string> reports;
  std::vector<std::string> select;
  std::vector<std::string> skip;
  std::optional<int> jobs;
  // where the inputs and outputs go that conversions were compared with
  std::string save_outputs;
  bool strict = false;
  // `audit`: beside the running service
  std::string profile = "gate";
  bool quiet = false;
  bool verbose = false;
  // the run is added to a history: the usual one, or `history`, which asks for it alone
  bool record = false;
  std::string history;
};
ExitCode run_command(const RunArguments& arguments, const Session& session);

struct ListArguments {
  // whose plugins are listed too; empty: runup.yaml if there is one
  std::string config;
  bool json = false;
};
ExitCode list_command(const ListArguments& arguments, const Session& session);

struct ExplainArguments {
  std::string id;
  // as in ListArguments
  std::string config;
};
ExitCode explain_command(const ExplainArguments& arguments, const Session& session);

struct DiffArguments {
  // files of `--report json`, or runs of the history
  std::string before;
  std::string after;
  // of `last` and `last-ready`; empty: the only one
  std::string target;
  // empty: the usual one
  std::string history;
};
ExitCode diff_command(const DiffArguments& arguments, const Session& session);

struct HistoryArguments {
  // empty: all
  std::string target;
  // empty: the usual one
  std::string history;
  // of each target
  std::optional<int> most;
  // the run whose report is printed instead
  std::string show;
  bool json = false;
};
ExitCode history_command(const HistoryArguments& arguments, const Session& session);

struct InspectArguments {
  std::string file;
  bool json = false;
  // SHA-256 and the checksums of all members: reads the whole file
  bool hash = false;
  // what the numbers of each tensor are like: reads all of them
  bool values = false;
  // no list is shortened
  bool all = false;
};
ExitCode inspect_command(const InspectArguments& arguments, const Session& session);

}  // namespace runup
