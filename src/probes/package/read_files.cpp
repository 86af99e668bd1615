// SPDX-License-Identifier: Apache-2.0
#include "probes/package/read_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <format>
#include <iterator>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "package_files/dockerfile.h"
#include "package_files/gunicorn.h"
#include "package_files/ignore.h"
#include "package_files/lock_files.h"
#include "package_files/patience.h"
#include "package_files/project_files.h"
#include "package_files/requirements.h"

namespace runup {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMostFileBytes = std::uint64_t{16} << 20U;
constexpr std::size_t kMostRequirementFiles = 50;
constexpr std::size_t kMostLocked = 5000;
// What is read for the time that platforms wait.
constexpr std::size_t kMostPatience = 200;
constexpr std::size_t kMostManifests = 200;
constexpr std::uint64_t kMostManifestBytes = std::uint64_t{1} << 20U;
constexpr std::uint64_t kMostManifestBytesTogether = std::uint64_t{8} << 20U;
constexpr std::size_t kMostGunicornConfigs = 20;
constexpr std::size_t kMostManifestFolders = 4;
constexpr std::size_t kMostEntriesForManifests = 20'000;

// A regular file of the package, whole; nothing when there is none. A larger one is cut.
std::optional<std::string> read_text(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return std::nullopt;
  }
  std::string text(std::min<std::uint64_t>(static_cast<std::uint64_t>(status.st_size), kMostFileBytes), '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t got = ::read(file.get(), text.data() + done, text.size() - done);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      break;
    }
    done += static_cast<std::size_t>(got);
  }
  text.resize(done);
  return text;
}

void append(RequirementsFacts& all, RequirementsFacts&& more) {
  std::ranges::move(more.requirements, std::back_inserter(all.requirements));
  std::ranges::move(more.includes, std::back_inserter(all.includes));
  std::ranges::move(more.indexes, std::back_inserter(all.indexes));
  std::ranges::move(more.problems, std::back_inserter(all.problems));
  all.python = all.python.empty() ? more.python : all.python;
}

// The lines of a wheel's METADATA that ask for packages, as those of a requirements file; other lines are empty, so
// that line numbers stay. What only an extra needs is left out.
std::string wheel_requirements(std::string_view metadata) {
  constexpr std::string_view kKey = "Requires-Dist:";
  std::string lines;
  for (std::size_t at = 0; at < metadata.size();) {
    const std::size_t end = std::min(metadata.find('\n', at), metadata.size());
    std::string_view line = metadata.substr(at, end - at);
    at = end + 1;
    if (line.empty() || line == "\r") {
      // The description follows.
      break;
    }
    if (line.starts_with(kKey) && !line.substr(std::min(line.find(';'), line.size())).contains("extra ==")) {
      line.remove_prefix(kKey.size());
      lines += line;
    }
    lines += '\n';
  }
  return lines;
}

class Wants {
 public:
  Wants(std::string root, PackageFacts& facts) : root_(std::move(root)), facts_(facts) {}

  void read() {
    for (const std::string& name : names_in("")) {
      read_by_name(name);
    }
    read_wheel();
    for (const std::string& name : names_in("requirements")) {
      if (name.ends_with(".txt")) {
        read_requirements_file("requirements/" + name, false);
      }
    }
  }

 private:
  std::vector<std::string> names_in(const std::string& folder) const {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator entry(root_ + "/" + folder, error), end; !error && entry != end;
         entry.increment(error)) {
      names.push_back(entry->path().filename().string());
    }
    std::ranges::sort(names);
    return names;
  }

  void read_by_name(const std::string& name) {
    if (name.starts_with("requirements") && name.ends_with(".txt")) {
      read_requirements_file(name, false);
    } else if (name == "pyproject.toml") {
      read_project(name, read_pyproject);
    } else if (name == "setup.cfg") {
      read_project(name, read_setup_cfg);
    } else if (name == "environment.yml" || name == "environment.yaml") {
      read_project(name, read_conda_environment);
    } else if (const auto kind = lock_file_kind(name)) {
      if (const auto text = read_text(root_ + "/" + name)) {
        LockFileFacts lock = read_lock_file(*kind, *text, name);
        std::ranges::move(lock.packages, std::back_inserter(facts_.locked));
        std::ranges::move(lock.problems, std::back_inserter(facts_.requirements.problems));
        facts_.locked.resize(std::min(facts_.locked.size(), kMostLocked));
        facts_.requirement_files.push_back(name);
      }
    } else if (name == "Dockerfile") {
      if (const auto text = read_text(root_ + "/" + name)) {
        facts_.dockerfile = read_dockerfile(*text, name);
      }
    }
  }

  // A wheel that nobody has installed has one such folder; installed packages have an INSTALLER in theirs.
  void read_wheel() {
    std::vector<std::string> folders = names_in("");
    std::erase_if(folders, [](const std::string& name) { return !name.ends_with(".dist-info"); });
    if (folders.size() != 1 || read_text(root_ + "/" + folders.front() + "/INSTALLER")) {
      return;
    }
    const std::string name = folders.front() + "/METADATA";
    if (const auto text = read_text(root_ + "/" + name)) {
      facts_.requirement_files.push_back(name);
      take(read_requirements(wheel_requirements(*text), name), "");
    }
  }

  void read_project(const std::string& name,
                    RequirementsFacts (*reader)(std::string_view, std::string_view)) {
    if (const auto text = read_text(root_ + "/" + name)) {
      facts_.requirement_files.push_back(name);
      take(reader(*text, name), "");
    }
  }

  void read_requirements_file(const std::string& name, bool constraints) {
    if (facts_.requirement_files.size() >= kMostRequirementFiles || !seen_.insert(name).second) {
      return;
    }
    if (const auto text = read_text(root_ + "/" + name)) {
      facts_.requirement_files.push_back(name);
      const std::size_t slash = name.rfind('/');
      take(read_requirements(*text, name, constraints),
           slash == std::string::npos ? "" : name.substr(0, slash + 1));
    }
  }

  // `folder` is that of the file, with a `/` behind it.
  void take(RequirementsFacts&& more, const std::string& folder) {
    const std::vector<IncludeFacts> includes = more.includes;
    append(facts_.requirements, std::move(more));
    for (const IncludeFacts& include : includes) {
      const std::string path = fs::path(folder + include.path).lexically_normal().string();
      if (!path.starts_with('/') && !path.starts_with("..")) {
        read_requirements_file(path, include.constraint);
      }
    }
  }

  std::string root_;
  PackageFacts& facts_;
  std::set<std::string> seen_;
};

// The Dockerfile, the Procfile, Compose files, Kubernetes manifests and gunicorn's config files, and what they say of the
// time that a platform waits.
class PatienceFiles {
 public:
  PatienceFiles(std::string root, PackageFacts& facts) : root_(std::move(root)), facts_(facts) {}

  void read() {
    look("", 0);
    if (facts_.dockerfile) {
      take(patience_of_dockerfile(*facts_.dockerfile, configs_));
    }
    if (const auto text = read_text(root_ + "/Procfile")) {
      take(patience_of_procfile(*text, "Procfile", configs_));
    }
    const auto image = facts_.dockerfile ? facts_.dockerfile->built.healthcheck_times : std::nullopt;
    for (const Manifest& manifest : manifests_) {
      take(is_compose(manifest.file) ? patience_of_compose(manifest.text, manifest.file, image, configs_)
                                     : patience_of_manifest(manifest.text, manifest.file, configs_));
    }
  }

 private:
  struct Manifest {
    // relative to the package
    std::string file;
    std::string text;
  };

  static bool is_yaml(std::string_view name) { return name.ends_with(".yaml") || name.ends_with(".yml"); }

  static bool is_compose(std::string_view file) {
    return !file.contains('/') && (file.starts_with("docker-compose") || file.starts_with("compose"));
  }

  static bool is_gunicorn_config(std::string_view name) {
    return name.contains("gunicorn") && name.ends_with(".py");
  }

  // Folders in which nothing is the package's own.
  static bool is_foreign(const fs::path& folder) {
    constexpr std::array<std::string_view, 7> kNames{".git", ".hg",   "node_modules", "__pycache__",
                                                     "venv", ".venv", "site-packages"};
    std::error_code error;
    return std::ranges::contains(kNames, folder.filename().string()) ||
           fs::exists(folder / "pyvenv.cfg", error) || fs::exists(folder / "conda-meta", error);
  }

  void take(std::vector<PatienceFacts>&& more) {
    const std::size_t room = kMostPatience - std::min(kMostPatience, facts_.patience.size());
    more.resize(std::min(more.size(), room));
    std::ranges::move(more, std::back_inserter(facts_.patience));
  }

  // Files first, both by name; links are not followed.
  void look(const std::string& folder, std::size_t depth) {
    std::vector<fs::directory_entry> entries;
    std::error_code error;
    for (fs::directory_iterator entry(fs::path(root_) / folder, error), end;
         !error && entry != end && seen_ < kMostEntriesForManifests; entry.increment(error)) {
      ++seen_;
      entries.push_back(*entry);
    }
    std::ranges::sort(entries);
    std::vector<std::string> folders;
    for (const fs::directory_entry& entry : entries) {
      const std::string name = entry.path().filename().string();
      const fs::file_type type = entry.symlink_status(error).type();
      if (type == fs::file_type::regular) {
        look_at_file(folder.empty() ? name : folder + "/" + name, name, entry.file_size(error));
      } else if (type == fs::file_type::directory && depth < kMostManifestFolders &&
                 !is_foreign(entry.path())) {
        folders.push_back(folder.empty() ? name : folder + "/" + name);
      }
    }
    for (const std::string& inner : folders) {
      look(inner, depth + 1);
    }
  }

  void look_at_file(const std::string& file, std::string_view name, std::uint64_t bytes) {
    const bool is_config = is_gunicorn_config(name) && configs_.size() < kMostGunicornConfigs;
    const bool is_manifest = is_yaml(name) && manifests_.size() < kMostManifests;
    if ((!is_config && !is_manifest) || bytes > kMostManifestBytes ||
        bytes_ + bytes > kMostManifestBytesTogether) {
      return;
    }
    if (auto text = read_text(root_ + "/" + file)) {
      bytes_ += text->size();
      if (is_config) {
        configs_.push_back(read_gunicorn_config(*text, file));
      } else {
        manifests_.push_back({.file = file, .text = std::move(*text)});
      }
    }
  }

  std::string root_;
  PackageFacts& facts_;
  std::size_t seen_ = 0;
  std::uint64_t bytes_ = 0;
  std::vector<GunicornConfig> configs_;
  std::vector<Manifest> manifests_;
};

// The files of one name in the root and in the folders down to `path`, which is relative to it.
std::vector<IgnoreFile> files_above(const std::string& root, const std::string& path,
                                    const std::string& name) {
  std::vector<IgnoreFile> files;
  std::string folder;
  for (std::size_t start = 0; start != std::string::npos && files.size() < 20;) {
    const std::string place = folder.empty() ? name : folder + "/" + name;
    if (auto text = read_text(root + "/" + place)) {
      files.push_back({.folder = folder, .name = place, .text = std::move(*text)});
    }
    const std::size_t slash = path.find('/', start);
    folder = slash == std::string::npos ? folder : path.substr(0, slash);
    start = slash == std::string::npos ? slash : slash + 1;
  }
  return files;
}

void ask_ignore_files(const std::string& root, PathFacts& facts) {
  if (!facts.inside_package || !facts.path.starts_with(root + "/")) {
    return;
  }
  const std::string path = facts.path.substr(root.size() + 1);
  const bool folder = facts.kind == FileKind::directory;
  if (const auto text = read_text(root + "/.dockerignore")) {
    facts.docker_ignored = IgnoreRules::docker(*text).excludes(path, folder);
  }
  facts.git_ignored = IgnoreRules::git(files_above(root, path, ".gitignore")).excludes(path, folder);
  facts.in_git_lfs = LfsRules::git_attributes(files_above(root, path, ".gitattributes")).stores(path);
}

}  // namespace

void read_package_files(const std::string& real_root, PackageFacts& facts) {
  Wants(real_root, facts).read();
  PatienceFiles(real_root, facts).read();
  for (PathFacts& path : facts.paths) {
    ask_ignore_files(facts.root, path);
  }
}

}  // namespace runup
