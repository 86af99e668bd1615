// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <format>

#include "base/text.h"
#include "cli/command_tree.h"

namespace runup {

namespace {

// Within single quotes of a POSIX shell or fish.
std::string shell_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    out += c == '\'' ? "'\\''" : std::string(1, c);
  }
  return out + "'";
}

std::vector<std::string> option_names(const CommandSpec& command) {
  std::vector<std::string> names;
  for (const OptionSpec& option : command.options) {
    names.insert(names.end(), option.names.begin(), option.names.end());
  }
  return names;
}

std::vector<std::string> command_names(const CommandSpec& program) {
  std::vector<std::string> names;
  for (const CommandSpec& command : program.commands) {
    names.push_back(command.name);
  }
  return names;
}

// ---- bash

std::string bash_reply(std::string_view words) {
  return std::format("mapfile -t COMPREPLY < <(compgen -W {} -- \"$cur\")", shell_quoted(words));
}

// The cases of "COMMAND OPTION" whose values are known words.
std::string bash_values(const CommandSpec& command, std::string_view name) {
  std::string text;
  for (const OptionSpec& option : command.options) {
    if (option.choices.empty()) {
      continue;
    }
    std::vector<std::string> patterns;
    for (const std::string& alias : option.names) {
      patterns.push_back(shell_quoted(std::format("{} {}", name, alias)));
    }
    text += std::format("    {})\n      {}\n      return ;;\n", join(patterns, " | "),
                        bash_reply(join(option.choices, " ")));
  }
  return text;
}

std::string bash_script(const CommandSpec& program) {
  std::string values = bash_values(program, "");
  std::string options = std::format("      '') {} ;;\n", bash_reply(join(option_names(program), " ")));
  std::string arguments = std::format("    '') {} ;;\n", bash_reply(join(command_names(program), " ")));
  for (const CommandSpec& command : program.commands) {
    values += bash_values(command, command.name);
    options += std::format("      {}) {} ;;\n", command.name, bash_reply(join(option_names(command), " ")));
    if (!command.positionals.empty() && !command.positionals.front().choices.empty()) {
      arguments += std::format("    {}) {} ;;\n", command.name,
                               bash_reply(join(command.positionals.front().choices, " ")));
    }
  }
  return std::format(R"(# bash completion of runup; made by `runup completion bash`
_runup() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD - 1]}} command='' i
  COMPREPLY=()
  # bash splits at `=`
  if [[ $cur == = ]]; then
    cur=''
  elif [[ $prev == = && $COMP_CWORD -ge 2 ]]; then
    prev=${{COMP_WORDS[COMP_CWORD - 2]}}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${{COMP_WORDS[i]}} in
      {})
        command=${{COMP_WORDS[i]}}
        break ;;
    esac
  done
  case "$command $prev" in
{}  esac
  if [[ $cur == -* ]]; then
    case $command in
{}    esac
    return
  fi
  # without a reply, file names are offered
  case $command in
{}  esac
}}
complete -o bashdefault -o default -F _runup runup
)",
                     join(command_names(program), " | "), values, options, arguments);
}

// ---- zsh

// In the `[...]` of _arguments and after the `:` of _describe.
std::string zsh_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') {
      out += '\\';
    }
    out += c;
  }
  return out;
}

std::string zsh_action(const OptionSpec& option) {
  if (!option.choices.empty()) {
    return std::format("({})", join(option.choices, " "));
  }
  return option.kind == ValueKind::file ? "_files" : option.kind == ValueKind::folder ? "_files -/" : " ";
}

std::string zsh_arguments(const CommandSpec& command, std::string_view indent) {
  std::string text;
  for (const OptionSpec& option : command.options) {
    for (const std::string& name : option.names) {
      std::string spec =
          std::format("{}{}[{}]", option.repeatable ? "*" : "", name, zsh_escaped(option.help));
      if (!option.value.empty()) {
        spec += std::format(":{}:{}", zsh_escaped(option.value), zsh_action(option));
      }
      text += std::format(" \\\n{}{}", indent, shell_quoted(spec));
    }
  }
  return text;
}

std::string zsh_script(const CommandSpec& program) {
  std::string commands;
  std::string cases;
  for (const CommandSpec& command : program.commands) {
    commands += std::format("    {}\n",
                            shell_quoted(std::format("{}:{}", command.name, zsh_escaped(command.summary))));
    std::string arguments = zsh_arguments(command, "            ");
    if (!command.positionals.empty()) {
      const OptionSpec& positional = command.positionals.front();
      arguments += std::format(
          " \\\n            {}",
          shell_quoted(std::format("1:{}:{}", zsh_escaped(positional.value), zsh_action(positional))));
    }
    cases += std::format("        {})\n          _arguments{} ;;\n", command.name, arguments);
  }
  return std::format(R"(#compdef runup
# zsh completion of runup; made by `runup completion zsh`
_runup() {{
  local context state state_descr line
  typeset -A opt_args
  local -a commands
  commands=(
{}  )
  _arguments -C{} \
    '1: :->command' \
    '*:: :->arguments'
  case $state in
    command)
      _describe -t commands 'runup command' commands ;;
    arguments)
      case $words[1] in
{}      esac ;;
  esac
}}
if [[ $funcstack[1] == _runup ]]; then
  _runup "$@"
else
  compdef _runup runup
fi
)",
                     commands, zsh_arguments(program, "    "), cases);
}

// ---- fish

std::string fish_option(const OptionSpec& option, std::string_view condition) {
  std::string line = std::format("complete -c runup -n {}", shell_quoted(condition));
  for (const std::string& name : option.names) {
    line += name.starts_with("--") ? std::format(" -l {}", name.substr(2))
                                   : std::format(" -s {}", name.substr(1));
  }
  if (!option.value.empty()) {
    line += option.kind == ValueKind::text || !option.choices.empty() ? " -x" : " -r -F";
  }
  if (!option.choices.empty()) {
    line += std::format(" -a {}", shell_quoted(join(option.choices, " ")));
  }
  return std::format("{} -d {}\n", line, shell_quoted(option.help));
}

std::string fish_script(const CommandSpec& program) {
  std::string text = "# fish completion of runup; made by `runup completion fish`\ncomplete -c runup -f\n";
  for (const CommandSpec& command : program.commands) {
    text += std::format("complete -c runup -n __fish_use_subcommand -a {} -d {}\n", command.name,
                        shell_quoted(command.summary));
  }
  for (const OptionSpec& option : program.options) {
    text += fish_option(option, "__fish_use_subcommand");
  }
  for (const CommandSpec& command : program.commands) {
    const std::string condition = "__fish_seen_subcommand_from " + command.name;
    for (const OptionSpec& option : command.options) {
      text += fish_option(option, condition);
    }
    for (const OptionSpec& positional : command.positionals) {
      text += std::format(
          "complete -c runup -n {} {}\n", shell_quoted(condition),
          positional.choices.empty() ? "-F" : "-a " + shell_quoted(join(positional.choices, " ")));
    }
  }
  return text;
}

}  // namespace

const std::vector<std::string>& completion_shells() {
  static const std::vector<std::string> kShells{"bash", "fish", "zsh"};
  return kShells;
}

std::string completion_script(const CommandSpec& program, std::string_view shell) {
  return shell == "zsh" ? zsh_script(program) : shell == "fish" ? fish_script(program) : bash_script(program);
}

}  // namespace runup
