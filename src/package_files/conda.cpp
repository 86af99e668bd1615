// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <format>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "base/yaml_tree.h"
#include "facts/lines.h"
#include "facts/version.h"
#include "package_files/project_files.h"
#include "package_files/requirements.h"

namespace runup {

namespace {

// `py3.11_cuda12.4_cudnn9.1.0_0` is `cu124`, `cpu_py311h...` is `cpu`.
std::string torch_build_of_conda(std::string_view build) {
  constexpr std::string_view kCuda = "cuda";
  if (const std::size_t at = build.find(kCuda); at != std::string_view::npos) {
    std::string digits;
    for (const char c : build.substr(at + kCuda.size())) {
      if (c >= '0' && c <= '9') {
        digits += c;
      } else if (c != '.') {
        break;
      }
    }
    return digits.empty() ? "" : "cu" + digits;
  }
  return build.contains("cpu") ? "cpu" : "";
}

// conda's `=1.2` is any 1.2; `1.2.*`, `>=1,<2` and `==1.2` are as in PEP 440. An error for `|`.
Result<std::string> conda_specifiers(std::string_view version) {
  if (version.contains('|')) {
    return fail(ErrorCode::unsupported,
                std::format("`{}` has alternatives, which were not read", printable(version)));
  }
  std::vector<std::string> bounds;
  for (const std::string& part : split(version, ',')) {
    std::string bound(trim(part));
    if (bound.empty() || bound == "*") {
      continue;
    }
    const bool is_fuzzy = bound.starts_with('=') && !bound.starts_with("==");
    if (is_fuzzy) {
      bound.erase(0, 1);
    }
    if (bound.find_first_of("<>=!~") != 0) {
      bound = bound.ends_with(".*") || !is_fuzzy ? "==" + bound : "==" + bound + ".*";
    }
    // `1.2*` is `1.2.*`
    if (bound.ends_with('*') && !bound.ends_with(".*")) {
      bound.insert(bound.size() - 1, ".");
    }
    auto specifiers = Specifiers::parse(bound);
    if (!specifiers) {
      return std::unexpected(specifiers.error());
    }
    bounds.push_back(specifiers->text());
  }
  return join(bounds, ",");
}

// `channel::name=1.2=build`, `name 1.2 build`, `name>=1.2`.
Result<RequirementFacts> conda_requirement(std::string_view text) {
  RequirementFacts facts{.written = std::string(text), .source = PackageSource::conda};
  if (const std::size_t colons = text.rfind("::"); colons != std::string_view::npos) {
    text.remove_prefix(colons + 2);
  }
  const std::size_t end = std::min(text.size(), text.find_first_of(" =<>!~["));
  facts.name = normalised_name(text.substr(0, end));
  std::string_view rest = trim(text.substr(end));
  if (facts.name.empty() || rest.starts_with('[')) {
    return fail(
        ErrorCode::bad_input,
        std::format("`{}` is not a conda package; expected such as `numpy=1.26`", printable(facts.written)));
  }
  // The build comes behind a blank or a second `=`.
  const std::size_t start = std::min(rest.size(), rest.find_first_not_of("<>=!~ "));
  const std::size_t version_end = std::min(rest.size(), rest.find_first_of(" =", start));
  std::string build;
  if (version_end < rest.size() && !rest.substr(start, version_end - start).ends_with(',') &&
      !std::string_view("<>!~").contains(rest[version_end - 1])) {
    build = trim(rest.substr(version_end + 1));
    rest = rest.substr(0, version_end);
  }
  auto specifiers = conda_specifiers(rest);
  if (!specifiers) {
    return std::unexpected(specifiers.error());
  }
  facts.specifiers = std::move(*specifiers);
  facts.pinned = Specifiers::parse(facts.specifiers)->pinned();
  if (facts.name.contains("torch")) {
    facts.torch_build = torch_build_of_conda(build);
  }
  return facts;
}

const YamlNode* find(const YamlNode& map, std::string_view key) {
  const auto found = std::ranges::find(map.entries, key, &YamlEntry::key);
  return found == map.entries.end() ? nullptr : &found->value;
}

}  // namespace

RequirementsFacts read_conda_environment(std::string_view bytes, std::string_view file) {
  RequirementsFacts facts;
  const std::string text = to_utf8(bytes);
  const auto root = parse_yaml(text);
  if (!root) {
    facts.problems.push_back(
        {.file = std::string(file), .line = root.error().place.line, .message = root.error().message});
    return facts;
  }
  if (const YamlNode* channels = find(*root, "channels")) {
    for (const YamlNode& channel : channels->items) {
      facts.indexes.push_back({.kind = IndexKind::channel,
                               .url = channel.text,
                               .file = std::string(file),
                               .line = channel.place.line});
    }
  }
  const YamlNode* dependencies = find(*root, "dependencies");
  if (dependencies == nullptr) {
    return facts;
  }
  for (const YamlNode& item : dependencies->items) {
    if (item.kind == YamlKind::map) {
      const YamlNode* pip = find(item, "pip");
      for (std::size_t i = 0; pip != nullptr && i < pip->items.size(); ++i) {
        read_requirement_line(pip->items[i].text, file, pip->items[i].place.line, facts);
      }
      continue;
    }
    auto requirement = conda_requirement(trim(item.text));
    if (!requirement) {
      facts.problems.push_back(
          {.file = std::string(file), .line = item.place.line, .message = requirement.error().message});
      continue;
    }
    requirement->file = file;
    requirement->line = item.place.line;
    if (requirement->name == "python") {
      facts.python = requirement->specifiers;
    }
    facts.requirements.push_back(std::move(*requirement));
  }
  return facts;
}

}  // namespace runup
