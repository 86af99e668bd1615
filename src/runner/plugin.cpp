// SPDX-License-Identifier: Apache-2.0
#include "runner/plugin.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <format>

#include "base/text.h"
#include "runner/death.h"
#include "runner/interpreter.h"
#include "runner/plugin_protocol.h"

namespace runup {

namespace {

constexpr std::uint64_t kMemory = std::uint64_t{2} << 30U;
constexpr std::uint64_t kFile = std::uint64_t{64} << 20U;
constexpr std::size_t kMaxPlugins = 100;

const char* const kRemedy =
    "the file needs the executable bit and, for a script, a first line such as `#!/bin/sh`";

std::vector<std::string> plugin_environment() {
  std::vector<std::string> environment;
  for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
    if (!std::string_view(*entry).starts_with("LD_PRELOAD=")) {
      environment.emplace_back(*entry);
    }
  }
  return environment;
}

Job plugin_job(const std::string& path, double seconds, std::size_t stdout_bytes) {
  return {.argv = {path},
          .environment = plugin_environment(),
          .working_folder = std::filesystem::path(path).parent_path().string(),
          .limits = {.deadline = Duration::from_seconds(seconds),
                     .resident_bytes = kMemory,
                     .stdout_bytes = stdout_bytes,
                     .file_bytes = kFile}};
}

bool ended_well(const JobEnd& end) { return end.kind == EndKind::exited && end.code == 0; }

Absence death_of(const std::string& who, const Job& job, const JobEnd& end) {
  return describe_death({.who = who, .program = job.argv.front(), .remedy = kRemedy, .limits = job.limits},
                        end);
}

std::vector<std::string> plugin_folders() {
  if (const char* named = std::getenv("RUNUP_PLUGIN_DIR")) {
    return split(named, ':');
  }
  std::vector<std::string> folders;
  const char* data = std::getenv("XDG_DATA_HOME");
  const char* home = std::getenv("HOME");
  if (data != nullptr && *data == '/') {
    folders.push_back(std::string(data) + "/runup/plugins");
  } else if (home != nullptr && *home == '/') {
    folders.push_back(std::string(home) + "/.local/share/runup/plugins");
  }
  folders.emplace_back("/usr/lib/runup/plugins");
  return folders;
}

}  // namespace

std::vector<std::string> plugins_of_folders() {
  std::vector<std::string> plugins;
  for (const std::string& folder : plugin_folders()) {
    std::error_code error;
    const std::filesystem::path absolute = std::filesystem::absolute(folder, error);
    if (folder.empty() || error) {
      continue;
    }
    std::vector<std::string> here;
    for (std::filesystem::directory_iterator entry(absolute.lexically_normal(), error), end;
         !error && entry != end; entry.increment(error)) {
      const std::string name = entry->path().filename().string();
      if (!name.starts_with('.') && !name.ends_with('~') && is_program(entry->path().string())) {
        here.push_back(entry->path().string());
      }
    }
    std::ranges::sort(here);
    plugins.insert(plugins.end(), here.begin(), here.end());
  }
  plugins.resize(std::min(plugins.size(), kMaxPlugins));
  return plugins;
}

Result<PluginInfo> describe_plugin(Supervisor& supervisor, const std::string& path) {
  Job job = plugin_job(path, 10, kMaxDescriptionBytes);
  job.argv.emplace_back("--describe");
  const JobEnd end = supervisor.run(job);
  if (!ended_well(end)) {
    const Absence why = death_of("`--describe`", job, end);
    return fail(why.kind == AbsenceKind::missing ? ErrorCode::not_found : ErrorCode::bad_input, why.detail);
  }
  return read_plugin_description(path, end.standard_output);
}

Judgement judge_with_plugin(Supervisor& supervisor, const PluginInfo& plugin, const Facts& facts,
                            const Json& options, PluginTiming& timing) {
  const Duration start = steady_now();
  Job job = plugin_job(plugin.path, 30, kMaxAnswerBytes);
  job.input =
      dump_json(encode(PluginRequest{.protocol = kPluginProtocol, .facts = facts, .options = options}));
  const JobEnd end = supervisor.run(job);
  timing.took = steady_now() - start;
  if (!ended_well(end)) {
    return Judgement::cannot_tell(death_of(std::format("the plugin `{}`", plugin.id), job, end).detail);
  }
  auto judgement = read_plugin_answer(end.standard_output);
  if (!judgement) {
    const std::string words = last_words(end.stderr_tail);
    return Judgement::cannot_tell(std::format(
        "the plugin `{}` answered something else than its protocol: {}{}", plugin.id,
        printable(judgement.error().describe()), words.empty() ? "" : "; its last words: " + words));
  }
  return std::move(*judgement);
}

}  // namespace runup
