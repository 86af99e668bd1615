// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <format>
#include <iterator>

#include "base/text.h"
#include "check/catalogue.h"
#include "cli/commands.h"
#include "cli/markdown.h"
#include "cli/plan_source.h"
#include "report/layout.h"

namespace runup {

namespace {

constexpr std::size_t kPageWidth = 100;

struct FoundFinding {
  const CatalogueEntry* check = nullptr;
  const FindingInfo* finding = nullptr;
};

std::string rendered(std::string_view markdown, const Terminal& terminal) {
  const std::size_t width =
      terminal.width > 0 ? std::min(static_cast<std::size_t>(terminal.width), kPageWidth) : kPageWidth;
  return render_markdown(markdown, width, terminal.colour);
}

const CatalogueEntry* find_check(std::string_view id) {
  const auto checks = built_in_checks();
  const auto found =
      std::ranges::find_if(checks, [&](const CatalogueEntry& entry) { return entry.info->id == id; });
  return found == checks.end() ? nullptr : &*found;
}

const ReporterEntry* find_format(std::string_view name) {
  const auto formats = built_in_reporters();
  const auto found =
      std::ranges::find_if(formats, [&](const ReporterEntry& entry) { return entry.info->name == name; });
  return found == formats.end() ? nullptr : &*found;
}

// `label-encoder/class-count-mismatch`, or the second part alone; several checks may have one so called.
std::vector<FoundFinding> find_findings(std::string_view id) {
  std::vector<FoundFinding> found;
  for (const CatalogueEntry& entry : built_in_checks()) {
    for (const FindingInfo& finding : entry.info->findings) {
      if (finding.id == id || std::format("{}/{}", entry.info->id, finding.id) == id) {
        found.push_back({&entry, &finding});
      }
    }
  }
  return found;
}

// The list item or table row of the page that begins with the finding's id, as a paragraph.
std::string row_about(std::string_view page, std::string_view id) {
  const std::string mark = std::format("`{}`", id);
  std::string text;
  for (const std::string& line : split(page, '\n')) {
    std::string_view rest = trim(line);
    if (!text.empty()) {
      // A list item goes on in indented lines.
      if (!line.starts_with("  ")) {
        break;
      }
      text += std::format(" {}", rest);
      continue;
    }
    const bool table = rest.starts_with("|");
    rest.remove_prefix(std::min(rest.find_first_not_of("|-* "), rest.size()));
    if (!rest.starts_with(mark)) {
      continue;
    }
    rest.remove_prefix(mark.size());
    // The severity is told already.
    if (rest.starts_with(" (")) {
      rest.remove_prefix(std::min(rest.find(')'), rest.size() - 1) + 1);
    }
    rest.remove_prefix(std::min(rest.find_first_not_of("|:,- "), rest.size()));
    text = rest;
    if (table) {
      text.erase(text.find_last_not_of("| ") + 1);
      break;
    }
  }
  return text;
}

std::string finding_page(const FoundFinding& found) {
  const CheckInfo& check = *found.check->info;
  std::string page =
      std::format("# {}/{}\n\n{} ({} unless the config says otherwise)\n\n", check.id, found.finding->id,
                  found.finding->summary, enum_name(found.finding->severity));
  const std::string_view body = page_body(found.check->page);
  if (const std::string_view own = markdown_section(body, found.finding->id); !own.empty()) {
    page += own.substr(std::min(own.find('\n'), own.size()));
  } else if (const std::string row = row_about(body, found.finding->id); !row.empty()) {
    page += row + "\n\n";
  }
  page += markdown_section(body, "How to fix");
  return page + std::format("\n\nThe check as a whole: `runup explain {}`\n", check.id);
}

// As it would be written in the config.
std::string default_text(const FieldInfo& option) {
  if (option.fallback.is_null()) {
    return "none";
  }
  if (option.type.kind == TypeKind::duration && option.fallback.is_number()) {
    return format_duration(Duration::from_seconds(option.fallback.get<double>()));
  }
  if (option.type.kind == TypeKind::byte_size && option.fallback.is_number_unsigned()) {
    return format_bytes(option.fallback.get<std::uint64_t>());
  }
  return option.fallback.is_string() ? option.fallback.get<std::string>() : dump_json(option.fallback);
}

std::string plugin_page(const PluginInfo& plugin) {
  std::string page = plugin.page.empty() ? std::format("# {}\n\n{}\n", plugin.id, plugin.summary)
                                         : std::string(page_body(plugin.page));
  page += std::format("\n\nA plugin: `{}`\n", plugin.path);
  if (!plugin.options.empty()) {
    page += "\n## Options\n\n| option | what | default |\n|---|---|---|\n";
    for (const FieldInfo& option : plugin.options) {
      page += std::format("| `{}` | {}{}{} | {} |\n", option.name, option.help,
                          option.help.empty() ? "" : "; ", describe_type(option.type), default_text(option));
    }
  }
  return page;
}

std::vector<std::string> all_ids(const std::vector<PluginInfo>& plugins) {
  std::vector<std::string> ids;
  for (const CatalogueEntry& entry : built_in_checks()) {
    ids.emplace_back(entry.info->id);
    for (const FindingInfo& finding : entry.info->findings) {
      ids.push_back(std::format("{}/{}", entry.info->id, finding.id));
      ids.emplace_back(finding.id);
    }
  }
  for (const ReporterEntry& entry : built_in_reporters()) {
    ids.emplace_back(entry.info->name);
  }
  for (const PluginInfo& plugin : plugins) {
    ids.push_back(plugin.id);
  }
  return ids;
}

// "; did you mean `label-encoder`?", also for a part of what it is called. A finding is looked for among
// those of its check, which are listed when none is near.
std::string suggestion(const std::string& id, const std::vector<std::string>& ids) {
  const std::size_t slash = id.find('/');
  if (const CatalogueEntry* check = find_check(id.substr(0, slash)); check && slash != std::string::npos) {
    std::vector<std::string> findings;
    for (const FindingInfo& finding : check->info->findings) {
      findings.emplace_back(finding.id);
    }
    const auto meant = did_you_mean(id.substr(slash + 1), findings);
    return meant ? std::format("; did you mean `{}/{}`?", check->info->id, *meant)
                 : std::format("; `{}` has the findings {}", check->info->id,
                               join_quoted(findings, findings.size()));
  }
  std::vector<std::string> likely;
  if (auto meant = did_you_mean(id, ids)) {
    likely.push_back(std::move(*meant));
  } else {
    std::ranges::copy_if(ids, std::back_inserter(likely),
                         [&](const std::string& known) { return known.contains('/') && known.contains(id); });
  }
  return likely.empty() ? "" : std::format("; did you mean {}?", join_quoted(likely, 3));
}

// Built-in pages first: they need no process to be asked.
std::string built_in_page(const std::string& id) {
  if (const CatalogueEntry* check = find_check(id)) {
    return std::string(page_body(check->page));
  }
  if (const ReporterEntry* format = find_format(id)) {
    return std::string(page_body(format->page));
  }
  std::string page;
  for (const FoundFinding& found : find_findings(id)) {
    page += (page.empty() ? "" : "\n\n") + finding_page(found);
  }
  return page;
}

}  // namespace

ExitCode explain_command(const ExplainArguments& arguments, const Session& session) {
  std::string page = built_in_page(arguments.id);
  if (!page.empty()) {
    print(rendered(page, session.out));
    return ExitCode::ready;
  }
  const KnownPlugins known = known_plugins(arguments.config);
  const std::string_view check = std::string_view(arguments.id).substr(0, arguments.id.find('/'));
  for (const PluginInfo& plugin : known.plugins) {
    if (plugin.id == check) {
      print(rendered(plugin_page(plugin), session.out));
      return ExitCode::ready;
    }
  }
  for (const std::string& problem : known.problems) {
    complain(problem);
  }
  complain(std::format("nothing is called `{}`{}; `runup list` shows what there is", arguments.id,
                       suggestion(arguments.id, all_ids(known.plugins))));
  return ExitCode::bad_command_line;
}

}  // namespace runup
