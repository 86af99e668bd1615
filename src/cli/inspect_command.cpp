// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <format>

#include "cli/commands.h"
#include "cli/inspect_text.h"
#include "runner/core_probes.h"

namespace runup {

namespace {

Result<OpenedFile> open_file(const std::string& path) {
  // Without O_NONBLOCK a named pipe would wait for a writer.
  OpenedFile opened{.file =
                        FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY))};
  if (!opened.file) {
    return std::unexpected(system_error(std::format("cannot open `{}`", path), errno));
  }
  struct stat status{};
  if (::fstat(opened.file.get(), &status) != 0) {
    return std::unexpected(system_error(std::format("cannot look at `{}`", path), errno));
  }
  if (S_ISDIR(status.st_mode)) {
    return fail(ErrorCode::unreadable, std::format("`{}` is a folder; name a file in it", path));
  }
  if (!S_ISREG(status.st_mode)) {
    return fail(ErrorCode::unreadable, std::format("`{}` is no regular file", path));
  }
  opened.bytes = static_cast<std::uint64_t>(status.st_size);
  return opened;
}

// The file is read by the artifact probe, in a process of its own.
Result<ArtifactFacts> look_at(const OpenedFile& opened, const ArtifactRequest& request) {
  auto supervisor = Supervisor::start(&SignalWatch::flag());
  if (!supervisor) {
    return std::unexpected(supervisor.error());
  }
  const Plan plan;
  const RunnerSettings settings{.interrupted = &SignalWatch::flag()};
  RunContext context{.plan = plan, .settings = settings, .supervisor = **supervisor};
  auto seen = observe_artifact(context, opened, request);
  if (seen.value) {
    return std::move(*seen.value);
  }
  return fail(ErrorCode::system, seen.absence.value_or(Absence{}).detail);
}

bool is_model(ArtifactKind kind) {
  constexpr std::array kNone{ArtifactKind::unknown, ArtifactKind::empty, ArtifactKind::git_lfs_pointer,
                             ArtifactKind::html,    ArtifactKind::text,  ArtifactKind::json_text,
                             ArtifactKind::zip,     ArtifactKind::tar,   ArtifactKind::gzip};
  return !std::ranges::contains(kNone, kind);
}

}  // namespace

ExitCode inspect_command(const InspectArguments& arguments, const Session& session) {
  const SignalWatch signals;
  const auto opened = open_file(arguments.file);
  if (!opened) {
    complain(opened.error().describe());
    return ExitCode::undecided;
  }
  ProgressLine progress(session.err);
  if (arguments.hash || arguments.values) {
    progress.show("reading " + arguments.file);
  }
  const auto facts = look_at(*opened, {.hash = arguments.hash, .values = arguments.values});
  progress.clear();
  if (SignalWatch::flag()) {
    return ExitCode::interrupted;
  }
  if (!facts) {
    complain(std::format("cannot inspect `{}`: {}", arguments.file, facts.error().describe()));
    return ExitCode::undecided;
  }
  print(arguments.json ? dump_json(encode(*facts), 2) + "\n"
                       : render_inspection(*facts, arguments.file, arguments.all, session.out));
  return facts->defects.empty() && is_model(facts->kind) ? ExitCode::ready : ExitCode::not_ready;
}

}  // namespace runup
