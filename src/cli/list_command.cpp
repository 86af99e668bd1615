// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <format>
#include <limits>

#include "base/text.h"
#include "check/catalogue.h"
#include "cli/commands.h"
#include "cli/plan_source.h"
#include "report/layout.h"

namespace runup {

namespace {

struct ListRow {
  std::string name;
  std::string summary;
  // what stands at the end of the line
  std::string tail;
};

// "3 errors, 1 warning"
std::string findings_of(const CheckInfo& check) {
  std::size_t errors = 0;
  std::size_t warnings = 0;
  std::size_t notes = 0;
  for (const FindingInfo& finding : check.findings) {
    ++(finding.severity == Severity::error     ? errors
       : finding.severity == Severity::warning ? warnings
                                               : notes);
  }
  std::vector<std::string> parts;
  for (const auto& [number, one, many] :
       {std::tuple{errors, "error", "errors"}, {warnings, "warning", "warnings"}, {notes, "note", "notes"}}) {
    if (number > 0) {
      parts.push_back(count_of(number, one, many));
    }
  }
  return join(parts, ", ");
}

// As a report tells them: `order:` of the pages.
std::vector<CatalogueEntry> checks_in_order() {
  const auto order = [](const CatalogueEntry& entry) {
    const std::string text = page_field(entry.page, "order");
    int number = std::numeric_limits<int>::max();
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
  };
  const auto checks = built_in_checks();
  std::vector<CatalogueEntry> sorted(checks.begin(), checks.end());
  std::ranges::stable_sort(sorted, {}, order);
  return sorted;
}

void append_rows(std::string& out, std::string_view heading, const std::vector<ListRow>& rows,
                 const Terminal& terminal) {
  if (rows.empty()) {
    return;
  }
  const std::size_t width = text_width(terminal.width);
  std::size_t columns = 0;
  for (const ListRow& row : rows) {
    columns = std::max(columns, display_width(row.name));
  }
  out += (out.empty() ? "" : "\n") + paint(Tone::strong, heading, terminal.colour) + "\n";
  for (const ListRow& row : rows) {
    append_wrapped(out, "  " + paint(Tone::name, pad(one_line(row.name), columns), terminal.colour) + "  ",
                   columns + 4, row.summary, width);
    if (!row.tail.empty()) {
      for (const std::string& line : wrap(row.tail, width > columns + 24 ? width - columns - 4 : 20)) {
        out += std::string(columns + 4, ' ') + paint(Tone::faint, line, terminal.colour) + "\n";
      }
    }
  }
}

std::string as_text(const KnownPlugins& known, const Terminal& terminal) {
  std::string out;
  std::vector<ListRow> rows;
  for (const CatalogueEntry& entry : checks_in_order()) {
    rows.push_back({.name = std::string(entry.info->id),
                    .summary = page_field(entry.page, "summary"),
                    .tail = "findings: " + findings_of(*entry.info)});
  }
  append_rows(out, "Checks", rows, terminal);
  rows.clear();
  for (const PluginInfo& plugin : known.plugins) {
    rows.push_back({.name = plugin.id, .summary = plugin.summary, .tail = plugin.path});
  }
  append_rows(out, "Checks from plugins", rows, terminal);
  rows.clear();
  for (const ReporterEntry& entry : built_in_reporters()) {
    rows.push_back(
        {.name = std::string(entry.info->name), .summary = std::string(entry.info->summary), .tail = {}});
  }
  append_rows(out, "Report formats", rows, terminal);
  out += "\n" + paint(Tone::faint, "more about one of them: runup explain ID", terminal.colour) + "\n";
  return out;
}

std::string as_json(const KnownPlugins& known) {
  Json checks = Json::array();
  for (const CatalogueEntry& entry : checks_in_order()) {
    Json findings = Json::array();
    for (const FindingInfo& finding : entry.info->findings) {
      findings.push_back({{"id", std::format("{}/{}", entry.info->id, finding.id)},
                          {"severity", std::string(enum_name(finding.severity))},
                          {"summary", std::string(finding.summary)}});
    }
    checks.push_back({{"id", std::string(entry.info->id)},
                      {"summary", page_field(entry.page, "summary")},
                      {"findings", std::move(findings)},
                      {"options", write_fields(entry.info->option_type().members)}});
  }
  Json plugins = Json::array();
  for (const PluginInfo& plugin : known.plugins) {
    plugins.push_back({{"id", encode_text(plugin.id)},
                       {"summary", encode_text(plugin.summary)},
                       {"path", encode_text(plugin.path)},
                       {"options", write_fields(plugin.options)}});
  }
  Json formats = Json::array();
  for (const ReporterEntry& entry : built_in_reporters()) {
    formats.push_back(
        {{"name", std::string(entry.info->name)}, {"summary", std::string(entry.info->summary)}});
  }
  return dump_json(Json{{"checks", std::move(checks)},
                        {"plugins", std::move(plugins)},
                        {"formats", std::move(formats)}},
                   2) +
         "\n";
}

}  // namespace

ExitCode list_command(const ListArguments& arguments, const Session& session) {
  const KnownPlugins known = known_plugins(arguments.config);
  for (const std::string& problem : known.problems) {
    complain(problem);
  }
  print(arguments.json ? as_json(known) : as_text(known, session.out));
  return known.problems.empty() || arguments.config.empty() ? ExitCode::ready : ExitCode::bad_config;
}

}  // namespace runup
