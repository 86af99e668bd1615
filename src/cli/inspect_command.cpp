// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <format>

#include "cli/commands.h"
#include "cli/inspect_text.h"
#include "probes/protocol/channel.h"
#include "probes/supervisor/supervisor.h"
#include "report/layout.h"

namespace runup {

namespace {

constexpr std::uint64_t kRoomBesideTheFile = std::uint64_t{1} << 31U;
// Headers and pickles are read in milliseconds; a hash has to read a file that may be on a slow disk.
constexpr Duration kDeadline = Duration::from_seconds(60);
constexpr Duration kHashDeadline = Duration::from_seconds(3600);

struct OpenFile {
  FileDescriptor fd;
  std::uint64_t bytes = 0;
};

Result<OpenFile> open_file(const std::string& path) {
  // Without O_NONBLOCK a named pipe would wait for a writer.
  OpenFile file{.fd = FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY))};
  if (!file.fd) {
    return std::unexpected(system_error(std::format("cannot open `{}`", path), errno));
  }
  struct stat status{};
  if (::fstat(file.fd.get(), &status) != 0) {
    return std::unexpected(system_error(std::format("cannot look at `{}`", path), errno));
  }
  if (S_ISDIR(status.st_mode)) {
    return fail(ErrorCode::unreadable, std::format("`{}` is a folder; name a file in it", path));
  }
  if (!S_ISREG(status.st_mode)) {
    return fail(ErrorCode::unreadable, std::format("`{}` is no regular file", path));
  }
  file.bytes = static_cast<std::uint64_t>(status.st_size);
  return file;
}

std::string end_text(const JobEnd& end) {
  std::string text = end.kind == EndKind::killed_by_signal ? std::format("was ended by signal {}", end.code)
                     : end.kind == EndKind::exited         ? std::format("ended with status {}", end.code)
                     : end.kind == EndKind::timed_out      ? "took too long"
                     : end.kind == EndKind::out_of_memory  ? "used too much memory"
                     : end.kind == EndKind::not_started    ? std::format("did not start (error {})", end.code)
                                                           : std::string(enum_name(end.kind));
  return end.stderr_tail.empty() ? text : std::format("{}: {}", text, one_line(end.stderr_tail));
}

// Asks the artifact probe, which reads the file in a process of its own.
Result<ArtifactFacts> ask_probe(const OpenFile& file, bool hash) {
  auto supervisor = Supervisor::start(&SignalWatch::flag());
  if (!supervisor) {
    return std::unexpected(supervisor.error());
  }
  std::array<int, 2> ends{-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return std::unexpected(system_error("cannot make a socket", errno));
  }
  Channel channel{FileDescriptor(ends[0])};
  FileDescriptor other(ends[1]);

  Result<ArtifactFacts> facts = fail(ErrorCode::system, "the artifact probe gave no facts");
  bool refused = false;
  const Job job{.argv = {"/proc/self/exe", kProbeRole, "artifact"},
                .descriptors = {other.get(), file.fd.get()},
                .limits = {.deadline = hash ? kHashDeadline : kDeadline,
                           .address_space_bytes = file.bytes + kRoomBesideTheFile}};
  const JobEnd end = (*supervisor)->run(job, [&] {
    other = FileDescriptor();
    if (!channel.send(encode(ArtifactRequest{.hash = hash}))) {
      return true;
    }
    while (auto frame = channel.receive()) {
      const auto message = *frame ? decode<ProbeMessage>(**frame) : fail(ErrorCode::bad_input, "the end");
      if (!message || message->type == MessageType::done) {
        break;
      }
      if (message->type == MessageType::artifact) {
        facts = decode<ArtifactFacts>(message->facts);
      } else if (message->type == MessageType::refused) {
        refused = true;
        facts = fail(ErrorCode::unreadable, decode<std::string>(message->facts).value_or("no reason given"));
      }
    }
    return true;
  });
  const bool well_ended = end.kind == EndKind::exited && end.code == 0;
  if (!refused && (!facts || !well_ended)) {
    return fail(ErrorCode::system, "the process that read it " + end_text(end));
  }
  return facts;
}

bool is_model(ArtifactKind kind) {
  constexpr std::array kNone{ArtifactKind::unknown, ArtifactKind::empty, ArtifactKind::git_lfs_pointer,
                             ArtifactKind::html,    ArtifactKind::text,  ArtifactKind::json_text,
                             ArtifactKind::zip,     ArtifactKind::tar,   ArtifactKind::gzip};
  return !std::ranges::contains(kNone, kind);
}

}  // namespace

ExitCode inspect_command(const InspectArguments& arguments, const Session& session) {
  const auto file = open_file(arguments.file);
  if (!file) {
    complain(file.error().describe());
    return ExitCode::undecided;
  }
  const SignalWatch signals;
  ProgressLine progress(session.err);
  if (arguments.hash) {
    progress.show("reading " + arguments.file);
  }
  const auto facts = ask_probe(*file, arguments.hash);
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
