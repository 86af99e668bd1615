// SPDX-License-Identifier: Apache-2.0
#include "cli/report_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <format>

#include "base/bytes.h"
#include "base/text.h"
#include "cli/terminal.h"

namespace runup {

namespace {

namespace fs = std::filesystem;

Result<const ReporterInfo*> named_format(const std::string& name) {
  std::vector<std::string> names;
  for (const ReporterEntry& entry : built_in_reporters()) {
    if (entry.info->name == name) {
      return entry.info;
    }
    names.emplace_back(entry.info->name);
  }
  const auto meant = did_you_mean(name, names);
  return fail(ErrorCode::bad_input,
              std::format("there is no report format `{}`; {}", name,
                          meant ? std::format("did you mean `{}`?", *meant)
                                : std::format("there are {}", join_quoted(names, names.size()))));
}

bool is_special(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  return fs::exists(status) && !fs::is_regular_file(status);
}

Result<void> check_place(const std::string& path) {
  std::error_code error;
  const auto refuse = [&](std::string_view why) {
    return fail(ErrorCode::bad_input, std::format("cannot write a report to `{}`: {}", path, why));
  };
  if (fs::is_directory(path, error) || path.ends_with('/')) {
    return refuse("it is a folder; name a file in it");
  }
  fs::path folder = fs::path(path).parent_path();
  folder = folder.empty() ? fs::path(".") : folder;
  if (!fs::exists(folder, error)) {
    return refuse(std::format("there is no folder `{}`", folder.string()));
  }
  if (!fs::is_directory(folder, error)) {
    return refuse(std::format("`{}` is no folder", folder.string()));
  }
  const bool special = is_special(path);
  if (::access(special ? path.c_str() : folder.c_str(), special ? W_OK : W_OK | X_OK) != 0) {
    return refuse(std::format("`{}` is not writable", special ? path : folder.string()));
  }
  return {};
}

Result<ReportTarget> read_report_target(const std::string& argument) {
  const std::size_t sign = argument.find('=');
  auto format = named_format(argument.substr(0, sign));
  if (!format) {
    return std::unexpected(format.error());
  }
  ReportTarget target{.format = *format, .path = {}};
  if (sign == std::string::npos) {
    return target;
  }
  target.path = argument.substr(sign + 1);
  if (target.path.empty()) {
    return fail(ErrorCode::bad_input, std::format("`--report {}` names no file after `=`", argument));
  }
  if (target.path == "-") {
    target.path.clear();
    return target;
  }
  if (auto place = check_place(target.path); !place) {
    return std::unexpected(place.error());
  }
  return target;
}

}  // namespace

Result<std::vector<ReportTarget>> read_report_targets(const std::vector<std::string>& arguments) {
  std::vector<ReportTarget> targets;
  for (const std::string& argument : arguments) {
    auto target = read_report_target(argument);
    if (!target) {
      return std::unexpected(target.error());
    }
    const auto same = std::ranges::find(targets, target->path, &ReportTarget::path);
    if (same != targets.end()) {
      return fail(ErrorCode::bad_input,
                  std::format("two reports go to {}: `{}` and `{}`; give one of them a file of its own",
                              target->path.empty() ? "standard output" : std::format("`{}`", target->path),
                              same->format->name, target->format->name));
    }
    targets.push_back(std::move(*target));
  }
  if (!std::ranges::contains(targets, std::string(), &ReportTarget::path)) {
    auto text = named_format("text");
    if (!text) {
      return std::unexpected(text.error());
    }
    targets.push_back({.format = *text, .path = {}});
  }
  return targets;
}

Result<void> write_report(const ReportTarget& target, const std::string& content) {
  if (target.path.empty()) {
    return write_output(STDOUT_FILENO, content);
  }
  if (is_special(target.path)) {
    const FileDescriptor fd(::open(target.path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd) {
      return std::unexpected(system_error(std::format("cannot open `{}`", target.path), errno));
    }
    return write_output(fd.get(), content);
  }
  // A symbolic link stays one: what it points to is replaced.
  std::error_code error;
  const fs::path real = fs::canonical(target.path, error);
  return write_file_atomically(error ? target.path : real.string(), content);
}

}  // namespace runup
