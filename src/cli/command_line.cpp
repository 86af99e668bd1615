// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <format>
#include <functional>
#include <map>
#include <memory>
#include <span>

#include "base/text.h"
#include "check/catalogue.h"
#include "cli/command_tree.h"
#include "cli/commands.h"
#include "cli/config_command.h"
#include "cli/init_command.h"
#include "cli/recorded_runs.h"
#include "cli/version.h"
#include "program/probe_folder.h"

namespace runup {

namespace {

constexpr const char* kGeneral = "General";

constexpr const char* kExitCodes = R"(Exit codes
  0  ready
  1  not ready: a check failed
  2  undecided: nothing failed, but something could not be told
  64 bad command line    78 bad config    130 interrupted
)";

constexpr const char* kProgramExamples = R"(Examples
  runup init                                 write ./runup.yaml for the service in this folder
  runup run                                  judge what ./runup.yaml describes
  runup run --report junit=runup.xml         the same, with a file for the CI server
  runup explain label-encoder                what a check holds, and how to fix it
  runup inspect models/sign.pth              what is in a model file
  runup history                              the runs of this host; `runup run --record` adds one

)";

constexpr const char* kEnvironment = R"(Environment
  RUNUP_PROBE_TIMEOUT   how long one step of a probe may take, such as 90s; 60s if not set
  RUNUP_PROBE_MEMORY    memory of a probe that runs a model, such as 4GiB; 9/10 of what is free
  RUNUP_PLUGIN_DIR      folders with plugins, separated by colons
  RUNUP_HISTORY         the history of `--record`; /var/lib/runup/history.db for root, else in
                        ~/.local/state/runup
  NO_COLOR              no colours on a terminal

)";

constexpr const char* kRunExamples = R"(Examples
  runup run deploy/runup.yaml --strict
  runup run --set models.sign.device=cuda:0 --set 'checks.warmup-budget.p95=80ms'
  runup run --select model-present,model-loadable --skip 'sign/label-*'
  runup run --quiet --report json=report.json --report junit=runup.xml
  runup run --record; runup history

)";

constexpr const char* kInitExamples = R"(Exit codes
  0  written
  2  nothing there looks like a model server, or a network's structure could not be taken
  64 bad command line: no such folder, or the config is there already

Examples
  runup init
  runup init deploy/service --output deploy/runup.yaml
  runup init --output - | less
  runup init --architecture
)";

constexpr const char* kInspectExamples = R"(Exit codes
  0  recognised, and nothing wrong with the file
  1  broken, or not a model file
  2  the file could not be read, or not to its end

Examples
  runup inspect models/sign.pth
  runup inspect models/sign.pth --json | jq -r '.tensors[].path'
)";

constexpr const char* kDiffExamples = R"(Runs
  A report is a file of `--report json`, or a run of the history: `42`, `last`, `last-ready`.
  BEFORE `last-ready` is the last ready run before AFTER. A file of such a name is `./last`.

Exit codes
  0  nothing got worse
  1  a check or the verdict got worse
  2  a report could not be read

Examples
  runup diff last-ready last
  runup diff 41 42
  runup run --report text --report json=today.json; runup diff yesterday.json today.json
)";

constexpr const char* kHistoryExamples = R"(Exit codes
  0  listed
  2  there is no history, or not that run or target, or it could not be read

Examples
  runup history
  runup history sign-language-service -n 100
  runup history --show last | jq -r .verdict_reason
  runup history --json | jq '.runs[] | select(.verdict != "ready")'
)";

constexpr const char* kCompletionExamples = R"(Examples
  runup completion bash > ~/.local/share/bash-completion/completions/runup
  runup completion zsh > ~/.zfunc/_runup
  runup completion fish > ~/.config/fish/completions/runup.fish
)";

// What a value may be, for help and completion; the parser itself keeps no such list.
struct Values {
  std::vector<std::string> choices;
  ValueKind kind = ValueKind::text;
};

struct General {
  std::string colour = "auto";
  bool no_colour = false;
  std::string log_level = "warn";
};

struct CommandLine {
  CLI::App app{"Will this package load this model on that host, and tell the truth about it?", "runup"};
  General general;
  RunArguments run;
  ListArguments list;
  ExplainArguments explain;
  ConfigArguments config;
  InitArguments init;
  InspectArguments inspect;
  HistoryArguments history;
  DiffArguments diff;
  std::string shell;
  std::map<const CLI::Option*, Values> values;
  std::map<const CLI::App*, std::function<ExitCode(const Session&)>> actions;
};

std::vector<std::string> check_ids() {
  std::vector<std::string> ids;
  for (const CatalogueEntry& entry : built_in_checks()) {
    ids.emplace_back(entry.info->id);
  }
  return ids;
}

std::vector<std::string> format_names() {
  std::vector<std::string> names;
  for (const ReporterEntry& entry : built_in_reporters()) {
    names.emplace_back(entry.info->name);
  }
  return names;
}

std::vector<std::string> explainable_ids() {
  std::vector<std::string> ids = check_ids();
  for (const CatalogueEntry& entry : built_in_checks()) {
    for (const FindingInfo& finding : entry.info->findings) {
      ids.push_back(std::format("{}/{}", entry.info->id, finding.id));
    }
  }
  for (std::string& name : format_names()) {
    ids.push_back(std::move(name));
  }
  return ids;
}

void one_of(CommandLine& line, CLI::Option* option, const std::vector<std::string>& words) {
  line.values[option] = {.choices = words};
  option->check([words](const std::string& word) {
    if (std::ranges::contains(words, word)) {
      return std::string();
    }
    const auto meant = did_you_mean(word, words);
    return std::format("got `{}`, expected one of {}{}", word, join_quoted(words, words.size()),
                       meant ? std::format("; did you mean `{}`?", *meant) : "");
  });
}

// A flag is given or not: `--strict=no` would be a trap.
CLI::Option* add_flag(CLI::App& command, const char* name, bool& into, const char* help) {
  return command.add_flag(name, into, help)->disable_flag_override();
}

void add_general(CommandLine& line, CLI::App& app) {
  app.set_help_flag("-h,--help", "show this text")->group(kGeneral);
  CLI::Option* colour = app.add_option("--color,--colour", line.general.colour,
                                       "colours: `auto` is on a terminal unless NO_COLOR is set");
  one_of(line, colour->type_name("WHEN")->group(kGeneral), {"auto", "always", "never"});
  add_flag(app, "--no-color,--no-colour", line.general.no_colour, "the same as `--color never`")->group("");
  CLI::Option* level = app.add_option("--log-level", line.general.log_level,
                                      "diagnostics on stderr about runup itself; `warn` if not given");
  one_of(line, level->type_name("LEVEL")->group(kGeneral),
         {"trace", "debug", "info", "warn", "error", "off"});
}

CLI::App& add_command(CommandLine& line, const char* name, const char* summary,
                      std::function<ExitCode(const Session&)> action) {
  CLI::App& command = *line.app.add_subcommand(name, summary);
  line.actions[&command] = std::move(action);
  return command;
}

CLI::Option* add_list(CLI::App& command, const char* name, std::vector<std::string>& into, const char* help) {
  // One value for each use, so that what follows stays the positional argument.
  return command.add_option(name, into, help)
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
}

CLI::Option* add_config(CommandLine& line, CLI::App& command, const char* name, std::string& into,
                        const char* help) {
  CLI::Option* option = command.add_option(name, into, help)->type_name("CONFIG");
  line.values[option] = {.kind = ValueKind::file};
  return option;
}

CLI::Option* add_history_file(CommandLine& line, CLI::App& command, std::string& into, const char* help) {
  CLI::Option* option = command.add_option("--history", into, help)->type_name("FILE");
  line.values[option] = {.kind = ValueKind::file};
  return option;
}

void add_run(CommandLine& line) {
  CLI::App& command = add_command(line, "run", "judge a package by its config, and say whether it is ready",
                                  [&line](const Session& session) { return run_command(line.run, session); });
  RunArguments& run = line.run;
  add_config(line, command, "CONFIG", run.config, "the config file; `runup.yaml` if not given");

  add_list(command, "--set", run.set,
           "change a value of the config, as typed and checked as in the file; repeatable")
      ->type_name("KEY=VALUE")
      ->group("What is judged");
  for (const auto& [name, into, help] :
       {std::tuple{"--select", &run.select,
                   "only these checks: CHECK or MODEL/CHECK, `*` for any text; repeatable"},
        std::tuple{"--skip", &run.skip, "not these checks; they are reported as skipped; repeatable"}}) {
    CLI::Option* option =
        add_list(command, name, *into, help)->type_name("CHECK,...")->delimiter(',')->group("What is judged");
    line.values[option] = {.choices = check_ids()};
  }
  add_flag(command, "--strict", run.strict, "warnings make a check fail")->group("What is judged");
  one_of(line,
         command
             .add_option(
                 "--profile", run.profile,
                 "`gate`: everything; `audit`: start no server, ask the one that runs; gate if not given")
             ->type_name("NAME")
             ->group("What is judged"),
         {"gate", "audit"});
  command
      .add_option(
          "--save-outputs", run.save_outputs,
          "keep what conversions were compared with in DIR: inputs, outputs, a script that repeats it")
      ->type_name("DIR")
      ->group("Reports");
  command.add_option("-j,--jobs", run.jobs, "probes at a time; timings always run alone")
      ->type_name("N")
      ->group("What is judged")
      ->check([](const std::string& text) {
        return text.find_first_not_of("0123456789") == std::string::npos && text.size() <= 3 && text != "0"
                   ? std::string()
                   : std::format("got `{}`, expected a number from 1 to 999", text);
      });

  CLI::Option* report =
      add_list(command, "-r,--report", run.reports,
               "write a report; without PATH, or with `-`, to standard output, where `text` "
               "goes if nothing else does; repeatable")
          ->type_name("FORMAT[=PATH]")
          ->group("Reports");
  line.values[report] = {.choices = format_names()};
  CLI::Option* quiet =
      add_flag(command, "-q,--quiet", run.quiet, "text: only the verdict and what stands in its way");
  add_flag(command, "-v,--verbose", run.verbose, "text: what was looked at, for every check")
      ->group("Reports")
      ->excludes(quiet->group("Reports"));
  add_flag(command, "--record", run.record, "add the run to this host's history; see `runup history`")
      ->group("Reports");
  add_history_file(line, command, run.history, "add it to the history in FILE instead")->group("Reports");
  command.footer(std::string(kRunExamples) + kEnvironment + kExitCodes);
}

void add_list_and_explain(CommandLine& line) {
  CLI::App& list = add_command(line, "list", "the checks, plugins and report formats",
                               [&line](const Session& session) { return list_command(line.list, session); });
  add_config(line, list, "CONFIG", line.list.config,
             "a config whose plugins are listed too; `runup.yaml` if there is one");
  add_flag(list, "--json", line.list.json, "as JSON");

  CLI::App& explain =
      add_command(line, "explain", "the page of a check, a finding or a report format",
                  [&line](const Session& session) { return explain_command(line.explain, session); });
  CLI::Option* id =
      explain
          .add_option("ID", line.explain.id,
                      "a check (`label-encoder`), a finding (`label-encoder/class-count-mismatch`) or "
                      "a report format (`junit`)")
          ->type_name("ID")
          ->required();
  line.values[id] = {.choices = explainable_ids()};
  add_config(line, explain, "--config", line.explain.config,
             "a config whose plugins may be meant; `runup.yaml` if there is one");
}

void add_diff(CommandLine& line) {
  CLI::App& command =
      add_command(line, "diff", "what one run says that an earlier one did not",
                  [&line](const Session& session) { return diff_command(line.diff, session); });
  for (const auto& [name, into, help] :
       {std::tuple{"BEFORE", &line.diff.before,
                   "the earlier run: its JSON report, or its number in the history"},
        std::tuple{"AFTER", &line.diff.after, "the later one"}}) {
    CLI::Option* option = command.add_option(name, *into, help)->type_name(name)->required();
    line.values[option] = {.kind = ValueKind::file};
  }
  command
      .add_option("--target", line.diff.target,
                  "whose runs `last` and `last-ready` are, where the history has several")
      ->type_name("TARGET");
  add_history_file(line, command, line.diff.history, "the history; that of this host if not given");
  command.footer(kDiffExamples);
}

void add_history(CommandLine& line) {
  CLI::App& command =
      add_command(line, "history", "the runs of this host, and how they went",
                  [&line](const Session& session) { return history_command(line.history, session); });
  HistoryArguments& history = line.history;
  command.add_option("TARGET", history.target, "whose runs; those of all targets if not given")
      ->type_name("TARGET");
  command
      .add_option("-n", history.most,
                  "how many runs of each target; 20 if not given, 5 where there are several targets")
      ->type_name("N")
      ->check([](const std::string& text) {
        return text.find_first_not_of("0123456789") == std::string::npos && text.size() <= 6 &&
                       text.find_first_not_of('0') != std::string::npos
                   ? std::string()
                   : std::format("got `{}`, expected a number from 1 to 999999", text);
      });
  CLI::Option* json = add_flag(command, "--json", history.json, "as JSON");
  command.add_option("--show", history.show, "print the JSON report of this run: `42`, `last`, `last-ready`")
      ->type_name("RUN")
      ->excludes(json)
      ->check([](const std::string& text) {
        return read_run_name(text)
                   ? std::string()
                   : std::format("got `{}`, expected a run's number, `last` or `last-ready`", text);
      });
  add_history_file(line, command, history.history, "the history; that of this host if not given");
  command.footer(kHistoryExamples);
}

void add_config_command(CommandLine& line) {
  CLI::App& command =
      add_command(line, "config", "the resolved config, and where each value came from",
                  [&line](const Session& session) { return config_command(line.config, session); });
  add_config(line, command, "CONFIG", line.config.config, "the config file; `runup.yaml` if not given");
  add_list(command, "--set", line.config.set, "change a value of the config; repeatable")
      ->type_name("KEY=VALUE");
  CLI::Option* json = add_flag(command, "--json", line.config.json, "as JSON");
  add_flag(command, "--schema", line.config.schema,
           "the JSON schema of the config file, for editors; reads no config")
      ->excludes(json);
}

void add_init(CommandLine& line) {
  CLI::App& command =
      add_command(line, "init", "look at a service's folder, and write a config for it",
                  [&line](const Session& session) { return init_command(line.init, session); });
  CLI::Option* folder =
      command.add_option("DIR", line.init.folder, "the folder of the service; this one if not given")
          ->type_name("DIR");
  line.values[folder] = {.kind = ValueKind::folder};
  CLI::Option* output =
      command
          .add_option("-o,--output", line.init.output,
                      "where the config goes, `-` is standard output; `runup.yaml` in DIR if not given")
          ->type_name("FILE");
  line.values[output] = {.kind = ValueKind::file};
  add_flag(command, "-f,--force", line.init.force, "write over a config that is there already");
  add_flag(command, "--architecture", line.init.architecture,
           "also take each network's structure from what the service's factory makes, into "
           "`architectures/`; a config that is there stays as it is");
  command.footer(kInitExamples);
}

void add_inspect(CommandLine& line) {
  CLI::App& command =
      add_command(line, "inspect", "what is in a model file, without loading it",
                  [&line](const Session& session) { return inspect_command(line.inspect, session); });
  CLI::Option* file =
      command.add_option("FILE", line.inspect.file, "the model file; it is read, never executed")
          ->type_name("FILE")
          ->required();
  line.values[file] = {.kind = ValueKind::file};
  add_flag(command, "--all", line.inspect.all, "every tensor and object; long lists are shortened otherwise");
  add_flag(command, "--hash", line.inspect.hash, "SHA-256 and all checksums; reads the whole file");
  add_flag(command, "--values", line.inspect.values,
           "range of each tensor's numbers, and what is not finite; reads them all");
  add_flag(command, "--json", line.inspect.json, "everything as JSON");
  command.footer(kInspectExamples);
}

OptionSpec option_spec(const CommandLine& line, const CLI::Option& option) {
  OptionSpec spec{.help = option.get_description(),
                  .group = option.get_group(),
                  .repeatable = option.get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll,
                  .required = option.get_required()};
  for (const std::string& name : option.get_snames()) {
    spec.names.push_back("-" + name);
  }
  for (const std::string& name : option.get_lnames()) {
    spec.names.push_back("--" + name);
  }
  if (option.get_items_expected_max() > 0) {
    spec.value = option.get_type_name();
    spec.kind = ValueKind::text;
  }
  if (const auto values = line.values.find(&option); values != line.values.end()) {
    spec.choices = values->second.choices;
    spec.kind = values->second.kind;
  }
  return spec;
}

CommandSpec command_spec(const CommandLine& line, const CLI::App& app) {
  CommandSpec spec{.name = app.get_name(), .summary = app.get_description(), .footer = app.get_footer()};
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) {
      spec.positionals.push_back(option_spec(line, *option));
    } else if (!option->get_group().empty()) {
      spec.options.push_back(option_spec(line, *option));
    }
  }
  std::ranges::stable_partition(spec.options, [](const OptionSpec& o) { return o.group != kGeneral; });
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    spec.commands.push_back(command_spec(line, *command));
  }
  return spec;
}

void build(CommandLine& line) {
  line.app.require_subcommand(1);
  line.app.add_flag("-V,--version", "the version of runup and of the libraries in it")->group(kGeneral);
  add_init(line);
  add_run(line);
  add_list_and_explain(line);
  add_config_command(line);
  add_inspect(line);
  add_history(line);
  add_diff(line);
  CLI::App& completion =
      add_command(line, "completion", "a completion script for bash, fish or zsh", [&line](const Session&) {
        print(completion_script(command_spec(line, line.app), line.shell));
        return ExitCode::ready;
      });
  one_of(line,
         completion.add_option("SHELL", line.shell, "bash, fish or zsh")->type_name("SHELL")->required(),
         completion_shells());
  completion.footer(kCompletionExamples);
  line.app.footer(std::string(kProgramExamples) + kExitCodes);
  add_general(line, line.app);
  for (CLI::App* command : line.app.get_subcommands([](const CLI::App*) { return true; })) {
    add_general(line, *command);
  }
}

// The subcommand that was named, or the program.
const CLI::App& named(const CommandLine& line) {
  const std::vector<CLI::App*> commands = line.app.get_subcommands();
  return commands.empty() ? line.app : *commands.front();
}

std::string unexpected_argument(const CommandLine& line, const CLI::App& command) {
  const std::vector<std::string> extras = line.app.remaining(true);
  const std::string word = extras.empty() ? "" : extras.front();
  const CommandSpec spec = command_spec(line, command);
  std::vector<std::string> known;
  const bool option = word.starts_with("-");
  if (option) {
    for (const OptionSpec& candidate : spec.options) {
      known.insert(known.end(), candidate.names.begin(), candidate.names.end());
    }
  } else {
    for (const CommandSpec& candidate : spec.commands) {
      known.push_back(candidate.name);
    }
  }
  const bool unknown_command = !option && !known.empty();
  const auto meant = did_you_mean(word.substr(0, word.find('=')), known);
  return std::format("{} `{}`{}",
                     option            ? "unknown option"
                     : unknown_command ? "unknown command"
                                       : "unexpected argument",
                     word, meant ? std::format("; did you mean `{}`?", *meant) : "");
}

// "--jobs" of "--jobs: got ..." with the option's value: "`--jobs N`".
std::string with_value(const CommandLine& line, const CLI::App& command, const std::string& name) {
  for (const OptionSpec& option : command_spec(line, command).options) {
    if (std::ranges::contains(option.names, name)) {
      return std::format("`{} {}`", name, option.value);
    }
  }
  return std::format("`{}`", name);
}

// What CLI11 found, in our words.
std::string complaint(const CommandLine& line, const CLI::App& command, const CLI::ParseError& error) {
  const auto kind = static_cast<CLI::ExitCodes>(error.get_exit_code());
  const std::string text = error.what();
  const std::string name = text.substr(0, text.find(':'));
  switch (kind) {
    case CLI::ExitCodes::ExtrasError:
      return unexpected_argument(line, command);
    case CLI::ExitCodes::RequiredError:
      if (&command != &line.app) {
        return std::format("`{}` is missing", command_spec(line, command).positionals.front().value);
      }
      return line.app.remaining().empty() ? "no command is given" : unexpected_argument(line, command);
    case CLI::ExitCodes::ArgumentMismatch:
      return std::format("a value is missing: {}", with_value(line, command, name));
    case CLI::ExitCodes::ExcludesError:
      return text + "; give one of them";
    case CLI::ExitCodes::ValidationError:
      return std::format("`{}`{}", name, text.substr(name.size()));
    default:
      return text;
  }
}

std::string command_path(const CommandLine& line, const CLI::App& command) {
  return &command == &line.app ? "runup" : "runup " + command.get_name();
}

ColourMode colour_mode(const General& general) {
  return general.no_colour || general.colour == "never" ? ColourMode::never
         : general.colour == "always"                   ? ColourMode::always
                                                        : ColourMode::automatic;
}

void set_up_log(const std::string& level) {
  auto logger = std::make_shared<spdlog::logger>("runup", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("runup: [%l] %v");
  logger->set_level(spdlog::level::from_str(level));
  spdlog::set_default_logger(std::move(logger));
}

// `runup help run` is `runup run --help`.
std::vector<std::string> arguments_of(std::span<char*> argv) {
  std::vector<std::string> arguments(argv.begin() + (argv.empty() ? 0 : 1), argv.end());
  if (!arguments.empty() && arguments.front() == "help") {
    arguments.erase(arguments.begin());
    arguments.emplace_back("--help");
  }
  return arguments;
}

int run_parsed(const CommandLine& line) {
  const ColourMode mode = colour_mode(line.general);
  set_up_log(line.general.log_level);
  const Session session{.out = terminal_of(STDOUT_FILENO, mode),
                        .err = terminal_of(STDERR_FILENO, mode),
                        .probe_folder = find_probe_folder()};
  spdlog::debug("probes are looked for in `{}`", session.probe_folder);
  return static_cast<int>(line.actions.at(&named(line))(session));
}

}  // namespace

int run_command_line(int argc, char** argv) {
  survive_broken_pipes();
  CommandLine line;
  build(line);
  std::vector<std::string> arguments = arguments_of(std::span(argv, static_cast<std::size_t>(argc)));
  const bool nothing_given = arguments.empty();
  std::ranges::reverse(arguments);
  try {
    line.app.parse(arguments);
  } catch (const CLI::CallForHelp&) {
    const CLI::App& command = named(line);
    print(help_text(command_spec(line, command), &command == &line.app ? "" : "runup",
                    terminal_of(STDOUT_FILENO, colour_mode(line.general))));
    return 0;
  } catch (const CLI::ParseError& error) {
    if (line.app.count("--version") > 0) {
      print(version_text());
      return 0;
    }
    const CLI::App& command = named(line);
    if (nothing_given) {
      [[maybe_unused]] const auto written = write_output(
          STDERR_FILENO,
          help_text(command_spec(line, command), "", terminal_of(STDERR_FILENO, ColourMode::automatic)));
    } else {
      complain(
          std::format("{}; see `{} --help`", complaint(line, command, error), command_path(line, command)));
    }
    return static_cast<int>(ExitCode::bad_command_line);
  }
  return run_parsed(line);
}

}  // namespace runup
