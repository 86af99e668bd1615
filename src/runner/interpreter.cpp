// SPDX-License-Identifier: Apache-2.0
#include "runner/interpreter.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <format>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/text.h"

namespace runup {

namespace {

constexpr std::array<std::string_view, 3> kFolders{".venv", "venv", "env"};
constexpr std::size_t kMostEntries = 1000;

// Folders of the package that are environments, those with the usual names first. venv and virtualenv leave a
// `pyvenv.cfg`, conda a `conda-meta`.
std::vector<std::string> environments_in(const std::string& package) {
  std::vector<std::string> folders;
  for (const std::string_view name : kFolders) {
    folders.push_back(std::format("{}/{}", package, name));
  }
  std::vector<std::string> others;
  std::error_code error;
  std::filesystem::directory_iterator entry(package, error);
  for (std::size_t i = 0; !error && entry != std::filesystem::directory_iterator() && i < kMostEntries; ++i) {
    const std::filesystem::path& folder = entry->path();
    std::error_code none;
    if (std::filesystem::exists(folder / "pyvenv.cfg", none) ||
        std::filesystem::is_directory(folder / "conda-meta", none)) {
      others.push_back(folder.string());
    }
    entry.increment(error);
  }
  std::ranges::sort(others);
  folders.insert(folders.end(), others.begin(), others.end());
  return folders;
}

std::string path_variable(const std::vector<std::string>& environment) {
  for (const std::string& entry : environment) {
    if (entry.starts_with("PATH=")) {
      return entry.substr(5);
    }
  }
  return "/usr/local/bin:/usr/bin:/bin";
}

}  // namespace

std::vector<std::string> import_roots(const TargetDeclaration& target, const std::string& factory) {
  const std::size_t slash = target.entrypoint.rfind('/');
  if (target.entrypoint.empty() || slash == std::string::npos) {
    return {target.package};
  }
  std::vector<std::string> roots{target.entrypoint.substr(0, slash)};
  if (roots.front() == target.package) {
    return roots;
  }
  const std::string module = factory.substr(0, factory.find_first_of(".:"));
  const auto has = [&](const std::string& root) {
    std::error_code error;
    return std::filesystem::exists(root + "/" + module, error) ||
           std::filesystem::exists(root + "/" + module + ".py", error);
  };
  roots.insert(!has(roots.front()) && has(target.package) ? roots.begin() : roots.end(), target.package);
  return roots;
}

Result<Interpreter> find_interpreter(const TargetDeclaration& target,
                                     const std::vector<std::string>& environment) {
  if (!target.python.empty()) {
    if (!is_program(target.python)) {
      return fail(ErrorCode::not_found,
                  std::format("`python:` names `{}`, which is no program that can be started",
                              printable(target.python)));
    }
    return Interpreter{.path = target.python};
  }
  for (const std::string& folder : environments_in(target.package)) {
    std::string path = folder + "/bin/python";
    if (is_program(path)) {
      return Interpreter{.path = std::move(path)};
    }
  }
  for (const std::string& folder : split(path_variable(environment), ':')) {
    std::string path = folder + "/python3";
    if (folder.starts_with('/') && is_program(path)) {
      return Interpreter{.path = std::move(path), .guessed = true};
    }
  }
  return fail(ErrorCode::not_found,
              "no Python interpreter was found (`.venv`, `venv`, `env` and environments of conda in the "
              "package, `python3` in "
              "PATH); name the service's in `python:`");
}

}  // namespace runup
