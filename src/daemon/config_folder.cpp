// SPDX-License-Identifier: Apache-2.0
#include "daemon/config_folder.h"

#include <algorithm>
#include <filesystem>
#include <format>
#include <set>
#include <system_error>

#include "base/text.h"
#include "daemon/calendar.h"
#include "daemon/schedule.h"
#include "program/load_plan.h"

namespace runup {

namespace fs = std::filesystem;

ConfigFile load_file(const std::string& path) {
  std::error_code unknown;
  ConfigFile file{.path = fs::absolute(path, unknown).lexically_normal().string(),
                  .stem = fs::path(path).stem().string()};
  // A link to the package's own config: its paths are relative to where that lies.
  const fs::path real = fs::canonical(file.path, unknown);
  auto plan = load_plan({.config = unknown ? file.path : real.string(), .profile = Profile::audit}, nullptr);
  if (!plan) {
    for (const ConfigError& error : plan.error()) {
      file.errors.push_back(printable(error.text()));
    }
    return file;
  }
  if (plan->audit && !plan->audit->calendar.empty()) {
    if (const auto elapse = next_elapse(plan->audit->calendar, now().wall); !elapse) {
      file.errors.push_back(std::format("{}: `audit: calendar:`: {}", file.path, elapse.error().describe()));
      return file;
    }
  }
  file.plan = std::move(*plan);
  return file;
}

Result<std::vector<ConfigFile>> load_folder(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> paths;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const fs::path& path = at->path();
    std::error_code ignored;
    if (path.extension() == ".yaml" && !path.filename().string().starts_with('.') &&
        fs::is_regular_file(path, ignored)) {
      paths.push_back(path.string());
    }
  }
  if (error) {
    return std::unexpected(system_error(std::format("cannot read the folder `{}`", folder), error.value()));
  }
  if (paths.empty()) {
    return fail(
        ErrorCode::not_found,
        std::format(
            "`{}` has no config; expected one file for each target, such as `{}/sign.yaml` (`runup init` "
            "drafts one)",
            folder, folder));
  }
  std::ranges::sort(paths);
  std::vector<ConfigFile> files;
  std::map<std::string, std::string> names;
  for (const std::string& path : paths) {
    files.push_back(load_file(path));
    ConfigFile& file = files.back();
    if (!file.plan) {
      continue;
    }
    const auto [other, is_new] = names.try_emplace(file.plan->target.target, path);
    if (!is_new) {
      file.errors.push_back(std::format("{}: `target` is `{}`, as in `{}`; expected a name of its own", path,
                                        other->first, other->second));
      file.plan.reset();
    }
  }
  return files;
}

std::vector<std::string> watched_files(const Plan& plan) {
  std::set<std::string> files{plan.config_file};
  const auto add = [&](const std::string& path) {
    if (path.starts_with('/')) {
      files.insert(path);
    }
  };
  std::error_code unknown;
  if (!fs::is_directory(plan.target.package, unknown)) {
    // An archive.
    add(plan.target.package);
  }
  for (const PlannedModel& model : plan.models) {
    add(model.declaration.path);
    add(model.declaration.architecture);
    for (const ConversionDeclaration& conversion : model.declaration.conversions) {
      add(conversion.path);
    }
    if (model.declaration.labels) {
      add(model.declaration.labels->path);
    }
  }
  return {files.begin(), files.end()};
}

}  // namespace runup
