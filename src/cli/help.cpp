// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <format>

#include "base/text.h"
#include "cli/command_tree.h"
#include "report/layout.h"

namespace runup {

namespace {

constexpr std::size_t kHelpWidth = 80;
constexpr std::size_t kMaxHelpWidth = 100;
constexpr std::size_t kMaxLeft = 28;

struct HelpRow {
  std::string left;
  std::string help;
};

class HelpWriter {
 public:
  explicit HelpWriter(const Terminal& terminal)
      : colour_(terminal.colour),
        width_(terminal.width > 0
                   ? std::clamp(static_cast<std::size_t>(terminal.width), std::size_t{40}, kMaxHelpWidth)
                   : kHelpWidth) {}

  void text(std::string_view text) { append_wrapped(out_, "", 0, text, width_); }

  void usage(std::string_view text) {
    out_ += std::format("\n{} {}\n", paint(Tone::strong, "usage:", colour_), text);
  }

  void heading(std::string_view title) { out_ += "\n" + paint(Tone::strong, title, colour_) + "\n"; }

  void rows(const std::vector<HelpRow>& rows) {
    std::size_t columns = 0;
    for (const HelpRow& row : rows) {
      if (const std::size_t width = display_width(row.left); width <= kMaxLeft) {
        columns = std::max(columns, width);
      }
    }
    for (const HelpRow& row : rows) {
      std::string first = "  " + paint(Tone::name, pad(row.left, columns), colour_) + "  ";
      if (display_width(row.left) > columns) {
        out_ += "  " + paint(Tone::name, row.left, colour_) + "\n";
        first = std::string(columns + 4, ' ');
      }
      append_wrapped(out_, first, columns + 4, row.help, width_);
    }
  }

  // As it is: examples must be copied whole.
  void verbatim(std::string_view text) {
    out_ += "\n" + std::string(text) + (text.ends_with("\n") ? "" : "\n");
  }

  std::string take() { return std::move(out_); }

 private:
  bool colour_;
  std::size_t width_;
  std::string out_;
};

std::string option_left(const OptionSpec& option) {
  const bool short_first = !option.names.empty() && option.names.front().size() == 2;
  return (short_first ? "" : "    ") + join(option.names, ", ") +
         (option.value.empty() ? "" : " " + option.value);
}

std::string usage_of(const CommandSpec& command, std::string_view parents) {
  std::string usage = parents.empty() ? command.name : std::format("{} {}", parents, command.name);
  if (!command.commands.empty()) {
    return usage + " COMMAND [OPTIONS]";
  }
  for (const OptionSpec& positional : command.positionals) {
    usage += positional.required ? " " + positional.value : std::format(" [{}]", positional.value);
  }
  return usage + " [OPTIONS]";
}

}  // namespace

std::string help_text(const CommandSpec& command, std::string_view parents, const Terminal& terminal) {
  HelpWriter help(terminal);
  std::string summary = command.summary;
  if (!summary.empty() && summary.front() >= 'a' && summary.front() <= 'z') {
    summary.front() = static_cast<char>(summary.front() - 'a' + 'A');
  }
  help.text(summary);
  help.usage(usage_of(command, parents));

  if (!command.commands.empty()) {
    std::vector<HelpRow> rows;
    for (const CommandSpec& sub : command.commands) {
      rows.push_back({.left = sub.name, .help = sub.summary});
    }
    help.heading("Commands");
    help.rows(rows);
  }
  if (!command.positionals.empty()) {
    std::vector<HelpRow> rows;
    for (const OptionSpec& positional : command.positionals) {
      rows.push_back({.left = positional.value, .help = positional.help});
    }
    help.heading("Arguments");
    help.rows(rows);
  }
  std::vector<std::string> groups;
  for (const OptionSpec& option : command.options) {
    if (!std::ranges::contains(groups, option.group)) {
      groups.push_back(option.group);
    }
  }
  for (const std::string& group : groups) {
    std::vector<HelpRow> rows;
    for (const OptionSpec& option : command.options) {
      if (option.group == group) {
        rows.push_back({.left = option_left(option), .help = option.help});
      }
    }
    help.heading(group);
    help.rows(rows);
  }
  if (!command.footer.empty()) {
    help.verbatim(command.footer);
  }
  return help.take();
}

}  // namespace runup
