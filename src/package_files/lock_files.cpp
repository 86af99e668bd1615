// SPDX-License-Identifier: Apache-2.0
#include "package_files/lock_files.h"

#include <algorithm>
#include <format>
#include <string>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "base/text.h"
#include "facts/lines.h"
#include "package_files/project_files.h"
#include "package_files/requirements.h"
#include "package_files/toml_tree.h"

namespace runup {

namespace {

constexpr std::size_t kMaxPackages = 50'000;

void finish(LockedFacts& locked) {
  locked.torch_build = torch_build_of(locked.version);
  if (locked.torch_build.empty()) {
    locked.torch_build = torch_build_of(locked.url);
  }
}

std::string git_url(const std::string& address, const std::string& reference) {
  const std::string url = address.starts_with("git+") ? address : "git+" + address;
  return reference.empty() ? url : url + "@" + reference;
}

// `[[package]]` of Poetry, pdm and uv, `[[packages]]` of PEP 751.
class TomlLockReader {
 public:
  TomlLockReader(LockFileKind kind, std::string_view file) : kind_(kind), file_(file) {}

  LockFileFacts read(std::string_view bytes) {
    const auto root = parse_toml(to_utf8(bytes));
    if (!root) {
      facts_.problems.push_back({.file = file_, .message = root.error().message});
      return std::move(facts_);
    }
    read_python(*root);
    const TomlNode* packages = root->find(kind_ == LockFileKind::pylock ? "packages" : "package");
    if (packages == nullptr) {
      return std::move(facts_);
    }
    for (const TomlNode& package : packages->items) {
      const std::string name = package.text_at("name");
      if (name.empty()) {
        facts_.problems.push_back(
            {.file = file_, .line = package.line, .message = "a package without a `name`"});
        continue;
      }
      if (facts_.packages.size() >= kMaxPackages) {
        facts_.problems.push_back({.file = file_,
                                   .line = package.line,
                                   .message = std::format("more than {} packages", kMaxPackages)});
        break;
      }
      LockedFacts locked{.name = normalised_name(name),
                         .version = package.text_at("version"),
                         .marker = marker_of(package),
                         .groups = package.texts_at("groups"),
                         .file = file_,
                         .line = package.line};
      if (locked.groups.empty() && !package.text_at("category").empty()) {
        locked.groups = {package.text_at("category")};
      }
      read_source(locked, package);
      finish(locked);
      facts_.packages.push_back(std::move(locked));
    }
    return std::move(facts_);
  }

 private:
  void read_python(const TomlNode& root) {
    facts_.python = root.text_at("requires-python");
    const TomlNode* metadata = root.find("metadata");
    if (metadata == nullptr) {
      return;
    }
    if (const std::string python = metadata->text_at("requires_python"); !python.empty()) {
      facts_.python = python;
    }
    if (const std::string python = metadata->text_at("python-versions"); !python.empty()) {
      // Poetry's alternatives are left as written: nobody bounds a version by them.
      facts_.python = poetry_specifiers(python).value_or("");
    }
  }

  static std::string marker_of(const TomlNode& package) {
    for (const char* key : {"marker", "markers"}) {
      if (const std::string marker = package.text_at(key); !marker.empty()) {
        return marker;
      }
    }
    // uv: any one of them
    const std::vector<std::string> alternatives = package.texts_at("resolution-markers");
    return alternatives.size() == 1 ? alternatives.front()
           : alternatives.empty()   ? ""
                                    : "(" + join(alternatives, ") or (") + ")";
  }

  void read_source(LockedFacts& locked, const TomlNode& package) const {
    switch (kind_) {
      case LockFileKind::poetry:
        return read_poetry_source(locked, package.find("source"));
      case LockFileKind::uv:
        return read_uv_source(locked, package.find("source"));
      case LockFileKind::pdm:
        return read_pdm_source(locked, package);
      default:
        return read_pylock_source(locked, package);
    }
  }

  static void read_poetry_source(LockedFacts& locked, const TomlNode* source) {
    if (source == nullptr) {
      return;
    }
    locked.url = source->text_at("url");
    if (source->text_at("type") == "git") {
      const std::string exact = source->text_at("resolved_reference");
      locked.url = git_url(locked.url, exact.empty() ? source->text_at("reference") : exact);
    }
  }

  static void read_uv_source(LockedFacts& locked, const TomlNode* source) {
    if (source == nullptr) {
      return;
    }
    const std::string registry = source->text_at("registry");
    for (const char* key : {"url", "path", "directory", "virtual", "editable"}) {
      locked.url += source->text_at(key);
    }
    locked.own = source->find("virtual") != nullptr || source->find("editable") != nullptr;
    if (const std::string git = source->text_at("git"); !git.empty()) {
      // `https://example.org/x?tag=v1#COMMIT`
      const std::size_t hash = git.find('#');
      locked.url = git_url(git.substr(0, git.find_first_of("?#")),
                           hash == std::string::npos ? "" : git.substr(hash + 1));
    }
    if (registry != "https://pypi.org/simple" && !registry.empty()) {
      locked.url = registry;
    }
  }

  static void read_pdm_source(LockedFacts& locked, const TomlNode& package) {
    locked.url = package.text_at("url") + package.text_at("path");
    if (const std::string git = package.text_at("git"); !git.empty()) {
      locked.url = git_url(git, package.text_at("revision"));
    }
    locked.own = package.text_at("path") == "." || package.text_at("path") == "./";
  }

  static void read_pylock_source(LockedFacts& locked, const TomlNode& package) {
    locked.url = package.text_at("index") == "https://pypi.org/simple" ? "" : package.text_at("index");
    if (const TomlNode* archive = package.find("archive")) {
      locked.url = archive->text_at("url") + archive->text_at("path");
    }
    if (const TomlNode* directory = package.find("directory")) {
      locked.url = directory->text_at("path");
      locked.own = locked.url == "." || locked.url == "./";
    }
    if (const TomlNode* vcs = package.find("vcs")) {
      locked.url = git_url(vcs->text_at("url") + vcs->text_at("path"), vcs->text_at("commit-id"));
    }
  }

  LockFileKind kind_;
  std::string file_;
  LockFileFacts facts_;
};

std::string text_at(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

class PipfileLockReader {
 public:
  PipfileLockReader(std::string_view text, std::string_view file) : file_(file) {
    // where each `"name": {` stands first
    std::uint64_t number = 0;
    for (const std::string_view line : lines_of(text, kMaxTomlBytes)) {
      ++number;
      const std::string_view content = trim(line);
      if (content.starts_with('"') && content.ends_with('{')) {
        lines_.emplace_back(content.substr(1, content.find('"', 1) - 1), number);
      }
    }
    std::ranges::stable_sort(lines_, {}, &std::pair<std::string, std::uint64_t>::first);
  }

  LockFileFacts read(std::string_view text) {
    const auto root = parse_json(text, kMaxTomlBytes);
    if (!root || !root->is_object()) {
      facts_.problems.push_back(
          {.file = file_, .message = root ? "not a JSON object" : "not valid JSON: " + root.error().message});
      return std::move(facts_);
    }
    read_python(*root);
    for (const auto& [group, packages] : root->items()) {
      if (group == "_meta" || !packages.is_object()) {
        continue;
      }
      for (const auto& [name, package] : packages.items()) {
        if (package.is_object() && facts_.packages.size() < kMaxPackages) {
          add(group, name, package);
        }
      }
    }
    return std::move(facts_);
  }

 private:
  void read_python(const Json& root) {
    const auto meta = root.find("_meta");
    if (meta == root.end() || !meta->is_object()) {
      return;
    }
    const auto wanted = meta->find("requires");
    if (wanted == meta->end() || !wanted->is_object()) {
      return;
    }
    const std::string full = text_at(*wanted, "python_full_version");
    const std::string version = text_at(*wanted, "python_version");
    facts_.python = !full.empty() ? "==" + full : version.empty() ? "" : "==" + version + ".*";
  }

  void add(const std::string& group, const std::string& name, const Json& package) {
    std::string version = text_at(package, "version");
    version.erase(0, std::min(version.size(), version.find_first_not_of('=')));
    LockedFacts locked{.name = normalised_name(name),
                       .version = std::move(version),
                       .marker = text_at(package, "markers"),
                       .url = text_at(package, "file") + text_at(package, "path"),
                       .groups = {group},
                       .file = file_,
                       .line = line_of(name)};
    if (const std::string git = text_at(package, "git"); !git.empty()) {
      locked.url = git_url(git, text_at(package, "ref"));
    }
    finish(locked);
    facts_.packages.push_back(std::move(locked));
  }

  std::uint64_t line_of(const std::string& name) const {
    const auto found =
        std::ranges::lower_bound(lines_, name, {}, &std::pair<std::string, std::uint64_t>::first);
    return found != lines_.end() && found->first == name ? found->second : 0;
  }

  std::string file_;
  std::vector<std::pair<std::string, std::uint64_t>> lines_;
  LockFileFacts facts_;
};

}  // namespace

std::optional<LockFileKind> lock_file_kind(std::string_view file_name) {
  if (file_name == "poetry.lock") {
    return LockFileKind::poetry;
  }
  if (file_name == "uv.lock") {
    return LockFileKind::uv;
  }
  if (file_name == "pdm.lock") {
    return LockFileKind::pdm;
  }
  if (file_name == "Pipfile.lock") {
    return LockFileKind::pipfile;
  }
  if (file_name.starts_with("pylock.") && file_name.ends_with("toml")) {
    return LockFileKind::pylock;
  }
  return std::nullopt;
}

LockFileFacts read_lock_file(LockFileKind kind, std::string_view bytes, std::string_view file) {
  if (kind == LockFileKind::pipfile) {
    const std::string text = to_utf8(bytes);
    return PipfileLockReader(text, file).read(text);
  }
  return TomlLockReader(kind, file).read(bytes);
}

}  // namespace runup
