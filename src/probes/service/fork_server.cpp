// SPDX-License-Identifier: Apache-2.0
#include "probes/service/fork_server.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <format>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "base/text.h"
#include "probes/sandbox/network.h"
#include "probes/service/damage.h"
#include "probes/service/file_watch.h"
#include "probes/service/passing.h"
#include "probes/service/python_start.h"
#include "probes/supervisor/processes.h"

namespace runup {

namespace {

constexpr std::size_t kLongestMessage = 4096;
constexpr int kWaitingStarts = 16;
constexpr std::uint16_t kSomePort = 18080;
// What the interpreter executes: the script is its first argument, so that nothing of it is left in `__main__`.
constexpr std::string_view kRunScript =
    "import sys; exec(compile(sys.argv.pop(1), 'fork_server.py', 'exec'), {'__name__': 'fork_server'})";

// Calls `use` with the address of the socket in `folder`, which may be longer than an address can be.
template <class Use>
Result<FileDescriptor> with_socket_in(const std::string& folder, const std::string& doing, const Use& use) {
  FileDescriptor socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = "starts"};
  const bool done = socket && ::chdir(folder.c_str()) == 0 &&
                    use(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  const int error = errno;
  if (::chdir("/") != 0 || !done) {
    return std::unexpected(system_error(doing, error));
  }
  return socket;
}

std::optional<PythonStart> python_of(const ServiceRequest& request, std::uint16_t port) {
  const char* path = ::getenv("PATH");
  return python_start(words_of_start(request, port), path == nullptr ? "" : path, request.folder);
}

// True once the interpreter says that it is ready; false when it ends before.
bool hear_ready(int pipe, Duration patience) {
  const Duration end = steady_now() + patience;
  while (true) {
    const std::int64_t left = (end - steady_now()).nanoseconds / 1'000'000;
    pollfd polled{.fd = pipe, .events = POLLIN, .revents = 0};
    if (left <= 0) {
      return false;
    }
    if (::poll(&polled, 1, static_cast<int>(std::min<std::int64_t>(left, 1000))) > 0) {
      char byte = 0;
      return ::read(pipe, &byte, 1) == 1;
    }
  }
}

bool is_same_file(const struct stat& one, const struct stat& other) {
  return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

Result<void> enter_namespace(int folder, const std::string& name, int kind, bool may_be_ours) {
  const FileDescriptor theirs(::openat(folder, ("ns/" + name).c_str(), O_RDONLY | O_CLOEXEC));
  struct stat their_status{};
  struct stat our_status{};
  if (!theirs || ::fstat(theirs.get(), &their_status) != 0 ||
      ::stat(("/proc/self/ns/" + name).c_str(), &our_status) != 0) {
    return std::unexpected(
        system_error(std::format("cannot look at the start's `{}` namespace", name), errno));
  }
  if (is_same_file(their_status, our_status)) {
    return may_be_ours ? Result<void>{}
                       : fail(ErrorCode::unsupported, std::format("the start has no `{}` namespace", name));
  }
  if (::setns(theirs.get(), kind) != 0) {
    return std::unexpected(system_error(std::format("cannot enter the start's `{}` namespace", name), errno));
  }
  return {};
}

}  // namespace

Result<void> keep_fork_server(const ServiceRequest& request, const std::function<Result<void>()>& ready) {
  ServiceRequest own = request;
  const auto python = python_of(own, kSomePort);
  if (!python) {
    return fail(ErrorCode::unsupported, "the command does not start Python");
  }
  std::vector<std::string> unprotected;
  if (auto entered = enter_own_network(); !entered) {
    return entered;
  }
  bool in_copy = false;
  if (auto placed = place_package(own, "", unprotected, in_copy); !placed) {
    return placed;
  }
  auto door = with_socket_in(
      request.scratch, "cannot listen for starts", [](int socket, const sockaddr* address, socklen_t size) {
        return ::bind(socket, address, size) == 0 && ::listen(socket, kWaitingStarts) == 0;
      });
  if (!door) {
    return std::unexpected(door.error());
  }
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return std::unexpected(system_error("cannot make a pipe", errno));
  }
  const FileDescriptor told(ends[0]);
  FileDescriptor telling(ends[1]);
  FileWatch files(own.watched);
  for (const auto& [name, value] : environment_of_start(own, kSomePort)) {
    ::setenv(name.c_str(), value.c_str(), 1);
  }
  // OpenBLAS starts its threads when it is loaded.
  ::setenv("OPENBLAS_NUM_THREADS", "1", 1);
  Program program{
      .words = {python->interpreter}, .output = STDERR_FILENO, .descriptors = {door->get(), telling.get()}};
  program.words.insert(program.words.end(), python->flags.begin(), python->flags.end());
  program.words.insert(program.words.end(),
                       {"-c", std::string(kRunScript), std::string(fork_server_script()), python->name});
  program.words.insert(program.words.end(), python->words.begin(), python->words.end());
  if (auto process = launch_program(own, program, unprotected); !process) {
    return std::unexpected(process.error());
  }
  if (!unprotected.empty()) {
    return fail(ErrorCode::unsupported, unprotected.front());
  }
  *door = FileDescriptor();
  telling = FileDescriptor();
  if (!hear_ready(told.get(), request.ready_patience)) {
    return fail(ErrorCode::unsupported, "the imports cannot be shared by a fork");
  }
  files.look({});
  if (!files.opened().empty()) {
    return fail(ErrorCode::unsupported, std::format("importing what is not the package's opens `{}`",
                                                    printable(files.opened().front().path)));
  }
  if (auto said = ready(); !said) {
    return said;
  }
  int status = 0;
  while (::waitpid(-1, &status, 0) > 0 || errno == EINTR) {
  }
  return {};
}

Result<ForkedStart> ForkedStart::ask(const ServiceRequest& request) {
  ForkedStart start;
  auto connection = with_socket_in(request.forked_from, "cannot ask for a start",
                                   [](int socket, const sockaddr* address, socklen_t size) {
                                     return ::connect(socket, address, size) == 0;
                                   });
  if (!connection) {
    return std::unexpected(connection.error());
  }
  start.connection_ = std::move(*connection);
  ucred peer{};
  socklen_t size = sizeof(peer);
  const timeval patience{.tv_sec = request.answer_patience.nanoseconds / 1'000'000'000 + 1, .tv_usec = 0};
  if (::getsockopt(start.connection_.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
      ::setsockopt(start.connection_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) != 0) {
    return std::unexpected(system_error("cannot ask for a start", errno));
  }
  start.keeper_ = peer.pid;
  const PassedMessage answer = receive_message(start.connection_.get(), kLongestMessage);
  const auto said = parse_json(answer.text, kLongestMessage);
  if (!said || !said->is_object() || !said->contains("process") || !(*said)["process"].is_number_integer()) {
    return fail(ErrorCode::unsupported, "the fork server gave no start");
  }
  start.process_ = (*said)["process"].get<pid_t>();
  start.folder_ = FileDescriptor(
      ::open(std::format("/proc/{}", start.process_).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  // What answers runs the service's code: any process might be named.
  const auto server = parent_of(start.process_);
  if (!start.folder_ || !server || parent_of(*server) != std::optional(start.keeper_)) {
    return fail(ErrorCode::unsupported, "the fork server named a process that is not its own");
  }
  return start;
}

Result<void> ForkedStart::join() const {
  const FileDescriptor root(::openat(folder_.get(), "root", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) {
    return std::unexpected(system_error("cannot look at the start's root", errno));
  }
  if (auto entered = enter_namespace(folder_.get(), "user", CLONE_NEWUSER, true); !entered) {
    return entered;
  }
  if (auto entered = enter_namespace(folder_.get(), "net", CLONE_NEWNET, false); !entered) {
    return entered;
  }
  if (auto entered = enter_namespace(folder_.get(), "mnt", CLONE_NEWNS, false); !entered) {
    return entered;
  }
  if (::fchdir(root.get()) != 0 || ::chroot(".") != 0 || ::chdir("/") != 0) {
    return std::unexpected(system_error("cannot enter the start's root", errno));
  }
  return raise_loopback();
}

Result<LaunchedService> ForkedStart::begin(const ServiceRequest& request, std::uint16_t port) && {
  const auto python = python_of(request, port);
  if (!python) {
    return fail(ErrorCode::unsupported, "the command does not start Python");
  }
  std::map<std::string, std::string> environment = environment_of_start(request, port);
  if (const char* threads = ::getenv("OPENBLAS_NUM_THREADS")) {
    environment["OPENBLAS_NUM_THREADS"] = threads;
  }
  const std::uint32_t dropped =
      request.damage == Damage::unreadable ? 1U << CAP_DAC_OVERRIDE | 1U << CAP_DAC_READ_SEARCH : 0;
  const Json what{{python->is_module ? "module" : "script", python->name},
                  {"words", python->words},
                  {"folder", request.folder},
                  {"environment", environment},
                  {"drop", dropped}};
  auto output = make_output_pipe();
  if (!output) {
    return std::unexpected(output.error());
  }
  if (!send_message(connection_.get(), dump_json(what), output->write.get())) {
    return std::unexpected(system_error("cannot tell a start what it shall be", errno));
  }
  return LaunchedService{.process = process_,
                         .output = std::move(output->read),
                         .command = runup::join(words_of_start(request, port), " "),
                         .forked_by = {.keeper = keeper_, .news = std::move(connection_)}};
}

}  // namespace runup
