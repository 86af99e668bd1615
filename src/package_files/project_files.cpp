// SPDX-License-Identifier: Apache-2.0
#include "package_files/project_files.h"

#include <algorithm>
#include <format>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "facts/lines.h"
#include "facts/version.h"
#include "package_files/requirements.h"
#include "package_files/toml_tree.h"

namespace runup {

namespace {

// The least version that is above all that `^` or `~` allow: `count` numbers of `version`, the last one
// more by one.
std::string next_version(const Version& version, std::size_t count) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < count; ++i) {
    parts.push_back(std::to_string(version.part(i) + (i + 1 == count ? 1 : 0)));
  }
  return join(parts, ".");
}

Result<std::string> poetry_bound(std::string_view text) {
  const auto refuse = [&] {
    return fail(
        ErrorCode::bad_input,
        std::format("`{}` is not a version range; expected such as `^1.2` or `>=1,<2`", printable(text)));
  };
  if (text == "*") {
    return "";
  }
  const bool is_caret = text.starts_with('^');
  const bool is_tilde = text.starts_with('~') && !text.starts_with("~=");
  if (is_caret || is_tilde) {
    const auto version = Version::parse(text.substr(1));
    if (!version) {
      return refuse();
    }
    const std::size_t written = version->release().size();
    std::size_t fixed = std::min<std::size_t>(written, 2);
    if (is_caret) {
      // up to the first number that is not 0
      fixed = 1;
      while (fixed < written && version->part(fixed - 1) == 0) {
        ++fixed;
      }
    }
    return std::format(">={},<{}", version->text(), next_version(*version, fixed));
  }
  const bool has_operator = text.find_first_of("<>=!~") == 0;
  std::string bound = has_operator ? std::string(text) : "==" + std::string(text);
  // `=1.2` is Poetry's for `==1.2`
  if (bound.starts_with('=') && !bound.starts_with("==")) {
    bound.insert(0, "=");
  }
  const auto specifiers = Specifiers::parse(bound);
  return specifiers ? Result<std::string>(specifiers->text()) : refuse();
}

class ProjectReader {
 public:
  explicit ProjectReader(std::string_view file) : file_(file) {}

  RequirementsFacts read(std::string_view bytes) {
    const auto root = parse_toml(to_utf8(bytes));
    if (!root) {
      facts_.problems.push_back({.file = file_, .message = root.error().message});
      return std::move(facts_);
    }
    read_indexes(*root);
    if (const TomlNode* project = root->find("project")) {
      read_project(*project);
    }
    read_groups(root->find("dependency-groups"));
    if (const TomlNode* tool = root->find("tool")) {
      read_tools(*tool);
    }
    apply_sources(root->find("tool", "uv", "sources"));
    return std::move(facts_);
  }

 private:
  void problem(std::uint64_t line, std::string message) {
    facts_.problems.push_back({.file = file_, .line = line, .message = std::move(message)});
  }

  void read_project(const TomlNode& project) {
    facts_.python = project.text_at("requires-python");
    read_list(project.find("dependencies"), "");
    read_groups(project.find("optional-dependencies"));
  }

  void read_tools(const TomlNode& tool) {
    read_list(tool.find("uv", "dev-dependencies"), "dev");
    read_groups(tool.find("pdm", "dev-dependencies"));
    if (const TomlNode* poetry = tool.find("poetry")) {
      read_poetry_table(poetry->find("dependencies"), "");
      read_poetry_table(poetry->find("dev-dependencies"), "dev");
      if (const TomlNode* groups = poetry->find("group")) {
        for (const TomlEntry& group : groups->entries) {
          read_poetry_table(group.value.find("dependencies"), group.key);
        }
      }
    }
    if (const TomlNode* dynamic = tool.find("setuptools", "dynamic", "dependencies")) {
      std::vector<std::string> files = dynamic->texts_at("file");
      if (const std::string one = dynamic->text_at("file"); !one.empty()) {
        files.push_back(one);
      }
      for (std::string& path : files) {
        facts_.includes.push_back({.path = std::move(path), .file = file_, .line = dynamic->line});
      }
    }
  }

  // A list of PEP 508 texts; other items, such as `{include-group = "x"}`, are passed over.
  void read_list(const TomlNode* list, const std::string& group) {
    if (list == nullptr) {
      return;
    }
    for (const TomlNode& item : list->items) {
      if (item.kind == TomlKind::text) {
        add(parse_requirement(item.text), item.line, group);
      }
    }
  }

  void read_groups(const TomlNode* groups) {
    if (groups == nullptr) {
      return;
    }
    for (const TomlEntry& group : groups->entries) {
      read_list(&group.value, group.key);
    }
  }

  void add(Result<RequirementFacts> requirement, std::uint64_t line, const std::string& group) {
    if (!requirement) {
      problem(line, requirement.error().message);
      return;
    }
    if (facts_.requirements.size() >= kMaxRequirements) {
      return;
    }
    requirement->file = file_;
    requirement->line = line;
    requirement->group = group;
    facts_.requirements.push_back(std::move(*requirement));
  }

  void read_poetry_table(const TomlNode* table, const std::string& group) {
    if (table == nullptr) {
      return;
    }
    for (const TomlEntry& entry : table->entries) {
      if (entry.key == "python") {
        read_poetry_python(entry.value);
      } else if (entry.value.kind == TomlKind::list) {
        for (const TomlNode& item : entry.value.items) {
          add(poetry_requirement(entry.key, item), item.line, group);
        }
      } else {
        add(poetry_requirement(entry.key, entry.value), entry.value.line, group);
      }
    }
  }

  void read_poetry_python(const TomlNode& value) {
    const auto specifiers = poetry_specifiers(value.text);
    if (!specifiers) {
      problem(value.line, specifiers.error().message);
    } else if (facts_.python.empty()) {
      facts_.python = *specifiers;
    }
  }

  Result<RequirementFacts> poetry_requirement(const std::string& name, const TomlNode& value) const {
    RequirementFacts facts{.name = normalised_name(name)};
    const bool is_table = value.kind == TomlKind::table;
    const std::string version = is_table ? value.text_at("version") : value.text;
    facts.written = std::format("{} {}", name, version);
    auto specifiers = poetry_specifiers(version.empty() ? "*" : version);
    if (!specifiers) {
      return std::unexpected(specifiers.error());
    }
    facts.specifiers = std::move(*specifiers);
    facts.pinned = Specifiers::parse(facts.specifiers)->pinned();
    facts.torch_build = torch_build_of(facts.pinned);
    if (is_table) {
      read_poetry_details(facts, value);
    }
    return facts;
  }

  void read_poetry_details(RequirementFacts& facts, const TomlNode& table) const {
    facts.marker = table.text_at("markers");
    for (const std::string& extra : table.texts_at("extras")) {
      facts.extras.push_back(normalised_name(extra));
    }
    std::ranges::sort(facts.extras);
    const TomlNode* develop = table.find("develop");
    facts.editable = develop != nullptr && develop->text == "true";
    for (const char* key : {"url", "path", "file"}) {
      facts.url += table.text_at(key);
    }
    if (const std::string git = table.text_at("git"); !git.empty()) {
      const std::string reference = table.text_at("rev") + table.text_at("tag") + table.text_at("branch");
      facts.url = "git+" + git + (reference.empty() ? "" : "@" + reference);
    }
    if (facts.torch_build.empty()) {
      facts.torch_build =
          facts.url.empty() ? build_of_index(table.text_at("source")) : torch_build_of(facts.url);
    }
  }

  std::string build_of_index(const std::string& name) const {
    const auto found = std::ranges::find(facts_.indexes, name, &IndexFacts::name);
    return name.empty() || found == facts_.indexes.end() ? "" : found->torch_build;
  }

  void add_index(IndexKind kind, std::string url, std::string name, std::uint64_t line) {
    if (url.empty()) {
      return;
    }
    std::string build = torch_build_of(url);
    facts_.indexes.push_back({.kind = kind,
                              .url = std::move(url),
                              .name = std::move(name),
                              .torch_build = std::move(build),
                              .file = file_,
                              .line = line});
  }

  static bool is_true(const TomlNode& table, std::string_view key) {
    const TomlNode* value = table.find(key);
    return value != nullptr && value->text == "true";
  }

  void read_indexes(const TomlNode& root) {
    if (const TomlNode* uv = root.find("tool", "uv")) {
      add_index(IndexKind::index, uv->text_at("index-url"), "", uv->line);
      for (const std::string& url : uv->texts_at("extra-index-url")) {
        add_index(IndexKind::extra_index, url, "", uv->line);
      }
      for (const std::string& url : uv->texts_at("find-links")) {
        add_index(IndexKind::find_links, url, "", uv->line);
      }
      read_index_tables(uv->find("index"));
    }
    read_index_tables(root.find("tool", "poetry", "source"));
    read_index_tables(root.find("tool", "pdm", "source"));
  }

  void read_index_tables(const TomlNode* list) {
    if (list == nullptr) {
      return;
    }
    for (const TomlNode& table : list->items) {
      const std::string name = table.text_at("name");
      const bool replaces =
          is_true(table, "default") || table.text_at("priority") == "primary" || name == "pypi";
      add_index(replaces ? IndexKind::index : IndexKind::extra_index, table.text_at("url"), name, table.line);
    }
  }

  // `[tool.uv.sources]`: where uv takes a requirement of the lists above from.
  void apply_sources(const TomlNode* sources) {
    if (sources == nullptr) {
      return;
    }
    for (const TomlEntry& entry : sources->entries) {
      const TomlNode& value = entry.value;
      // Several sources each have a marker of their own; which one counts is not told here.
      const TomlNode* source =
          value.kind == TomlKind::list && value.items.size() == 1 ? &value.items.front() : &value;
      if (source->kind == TomlKind::table) {
        apply_source(normalised_name(entry.key), *source);
      }
    }
  }

  void apply_source(const std::string& name, const TomlNode& source) {
    std::string url = source.text_at("url") + source.text_at("path");
    if (const std::string git = source.text_at("git"); !git.empty()) {
      const std::string reference = source.text_at("rev") + source.text_at("tag") + source.text_at("branch");
      url = "git+" + git + (reference.empty() ? "" : "@" + reference);
    }
    for (RequirementFacts& requirement : facts_.requirements) {
      if (requirement.name != name) {
        continue;
      }
      if (!url.empty()) {
        requirement.url = url;
        requirement.editable = is_true(source, "editable");
      }
      if (requirement.torch_build.empty()) {
        requirement.torch_build = url.empty() ? build_of_index(source.text_at("index")) : torch_build_of(url);
      }
    }
  }

  std::string file_;
  RequirementsFacts facts_;
};

}  // namespace

Result<std::string> poetry_specifiers(std::string_view text) {
  if (text.contains('|')) {
    return fail(
        ErrorCode::unsupported,
        std::format("`{}` has alternatives, which were not read; expected one range", printable(text)));
  }
  std::vector<std::string> bounds;
  for (const std::string& part : split(text, ',')) {
    // `>=1.2 <2` is two bounds, `>= 1.2` is one
    std::string joined;
    for (const std::string& word : split(part, ' ')) {
      const bool goes_on = joined.empty() || joined.find_first_not_of("<>=!~^") == std::string::npos;
      if (!goes_on && !word.empty()) {
        auto bound = poetry_bound(joined);
        if (!bound) {
          return bound;
        }
        bounds.push_back(std::move(*bound));
        joined.clear();
      }
      joined += trim(word);
    }
    if (joined.empty()) {
      continue;
    }
    auto bound = poetry_bound(joined);
    if (!bound) {
      return bound;
    }
    bounds.push_back(std::move(*bound));
  }
  std::erase(bounds, "");
  return join(bounds, ",");
}

RequirementsFacts read_pyproject(std::string_view bytes, std::string_view file) {
  return ProjectReader(file).read(bytes);
}

namespace {

struct IniValue {
  std::string section;
  std::string key;
  // each line of the value, with its number
  std::vector<std::pair<std::uint64_t, std::string>> lines;
};

// Sections, keys and indented continuation, as Python's configparser.
std::vector<IniValue> read_ini(std::string_view text) {
  std::vector<IniValue> values;
  std::string section;
  std::uint64_t number = 0;
  for (const std::string_view line : lines_of(text, kMaxRequirementsBytes)) {
    ++number;
    const std::string_view content = trim(line);
    if (content.empty() || content.starts_with('#') || content.starts_with(';')) {
      continue;
    }
    const bool is_indented = line.starts_with(' ') || line.starts_with('\t');
    if (is_indented && !values.empty() && values.back().section == section) {
      values.back().lines.emplace_back(number, content);
    } else if (content.starts_with('[')) {
      section = content.substr(1, std::min(content.size(), content.find(']')) - 1);
      values.push_back({.section = section});
    } else if (const std::size_t equals = content.find_first_of("=:"); equals != std::string_view::npos) {
      values.push_back({.section = section, .key = lower(trim(content.substr(0, equals)))});
      values.back().lines.emplace_back(number, trim(content.substr(equals + 1)));
    }
  }
  return values;
}

}  // namespace

RequirementsFacts read_setup_cfg(std::string_view bytes, std::string_view file) {
  RequirementsFacts facts;
  for (const IniValue& value : read_ini(to_utf8(bytes))) {
    const bool is_main = value.section == "options" && value.key == "install_requires";
    const bool is_extra = value.section == "options.extras_require" && !value.key.empty();
    if (value.section == "options" && value.key == "python_requires" && !value.lines.empty()) {
      facts.python = value.lines.front().second;
    }
    if (!is_main && !is_extra) {
      continue;
    }
    const std::size_t before = facts.requirements.size();
    for (const auto& [number, line] : value.lines) {
      if (line.starts_with("file:")) {
        facts.includes.push_back({.path = std::string(trim(std::string_view(line).substr(5))),
                                  .file = std::string(file),
                                  .line = number});
      } else if (!line.empty() && facts.requirements.size() < kMaxRequirements) {
        read_requirement_line(line, file, number, facts);
      }
    }
    for (std::size_t i = before; i < facts.requirements.size(); ++i) {
      facts.requirements[i].group = is_extra ? value.key : "";
    }
  }
  return facts;
}

}  // namespace runup
