// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <format>

#include "base/text.h"
#include "daemon/audit.h"
#include "daemon/audit_journal.h"
#include "daemon/config_folder.h"
#include "daemon/daemon.h"
#include "daemon/journal.h"
#include "daemon/low_priority.h"

namespace runup {

namespace {

std::atomic<bool> interrupted{false};

extern "C" void note_end(int) { interrupted = true; }

void print_line(std::string_view text) {
  const std::string line = std::string(text) + "\n";
  [[maybe_unused]] const auto written = ::write(STDOUT_FILENO, line.data(), line.size());
}

// The file whose stem or target it is.
ConfigFile* find_config(std::vector<ConfigFile>& files, const std::string& name) {
  for (ConfigFile& file : files) {
    if (file.stem == name || (file.plan && file.plan->target.target == name)) {
      return &file;
    }
  }
  return nullptr;
}

}  // namespace

int audit_once(const DaemonSettings& settings, const std::string& name) {
  auto files = load_folder(settings.config_folder);
  if (!files) {
    journal(Priority::error, files.error().describe());
    return static_cast<int>(ExitCode::bad_config);
  }
  const ConfigFile* file = find_config(*files, name);
  if (file == nullptr) {
    std::vector<std::string> names;
    for (const ConfigFile& one : *files) {
      names.push_back(one.stem);
    }
    journal(Priority::error, std::format("`{}` has no `{}.yaml`; expected one of {}", settings.config_folder,
                                         printable(name), join_quoted(names, 20)));
    return static_cast<int>(ExitCode::bad_config);
  }
  if (!file->plan) {
    for (const std::string& error : file->errors) {
      journal(Priority::error, error, {{"RUNUP_CONFIG", file->path}});
    }
    return static_cast<int>(ExitCode::bad_config);
  }
  for (const int number : {SIGTERM, SIGINT}) {
    ::signal(number, note_end);
  }
  take_low_priority();
  const AuditedReport audited = audit_here(
      *file->plan, {.probe_folder = settings.probe_folder, .history = settings.history}, &interrupted);
  for (const ReporterEntry& entry : built_in_reporters()) {
    if (entry.info->name == "text") {
      const std::string text = entry.info->render(audited.report, {});
      [[maybe_unused]] const auto written = ::write(STDOUT_FILENO, text.data(), text.size());
    }
  }
  if (journal_has_fields()) {
    journal_audit({}, audited.result);
  }
  return static_cast<int>(exit_code(audited.report));
}

int check_configs(const DaemonSettings& settings) {
  const auto files = load_folder(settings.config_folder);
  if (!files) {
    journal(Priority::error, files.error().describe());
    return static_cast<int>(ExitCode::bad_config);
  }
  bool good = true;
  for (const ConfigFile& file : *files) {
    for (const std::string& error : file.errors) {
      print_line(error);
      good = false;
    }
    if (file.plan) {
      print_line(std::format("{}: target `{}`, {}", file.path, file.plan->target.target,
                             count_of(file.plan->models.size(), "model", "models")));
    }
  }
  return static_cast<int>(good ? ExitCode::ready : ExitCode::bad_config);
}

}  // namespace runup
