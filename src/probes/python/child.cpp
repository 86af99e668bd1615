// SPDX-License-Identifier: Apache-2.0
#include "probes/python/child.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <format>
#include <utility>

#include "base/text.h"
#include "probes/python/script.h"

namespace runup {

namespace {

// Keeps the script out of `__main__`: classes that a service pickled from there must not find its names. The
// folder that `-c` puts first is left out until the script has imported what it needs: a package's own `types`
// or `json` is no module of ours.
constexpr const char* kStart =
    "import sys; sys.path[:] = [p for p in sys.path if p]; import types; m = types.ModuleType('_runup'); "
    "sys.modules['_runup'] = m; "
    "exec(compile(sys.argv.pop(1), '<runup>', 'exec'), m.__dict__)";
// Descriptors of the child, and where they wait meanwhile: above all that are open here.
constexpr int kFirst = 3;
constexpr int kAside = 64;

Result<void> write_all(int fd, Bytes bytes, std::uint64_t at) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written <= 0) {
      return std::unexpected(system_error("cannot hand over an input", errno));
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    at += static_cast<std::uint64_t>(written);
  }
  return {};
}

// posix_spawnp with the descriptors in their places; an errno value.
int spawn(const std::string& interpreter, const std::vector<int>& descriptors, pid_t& process) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  const int count = static_cast<int>(descriptors.size());
  for (int i = 0; i < count; ++i) {
    ::posix_spawn_file_actions_adddup2(&actions, descriptors[static_cast<std::size_t>(i)], kAside + i);
  }
  for (int i = 0; i < count; ++i) {
    ::posix_spawn_file_actions_adddup2(&actions, kAside + i, kFirst + i);
    ::posix_spawn_file_actions_addclose(&actions, kAside + i);
  }
  std::string script(python_script());
  std::string program = interpreter;
  std::string start = kStart;
  std::string flag = "-c";
  std::array<char*, 5> arguments{program.data(), flag.data(), start.data(), script.data(), nullptr};
  const int error =
      ::posix_spawnp(&process, interpreter.c_str(), &actions, nullptr, arguments.data(), ::environ);
  ::posix_spawn_file_actions_destroy(&actions);
  return error;
}

}  // namespace

Result<PythonChild> PythonChild::start(const std::string& interpreter, int numbers) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return std::unexpected(system_error("cannot make a channel to the interpreter", errno));
  }
  FileDescriptor ours(ends[0]);
  const FileDescriptor theirs(ends[1]);
  FileDescriptor inputs(::memfd_create("runup-inputs", MFD_CLOEXEC));
  FileDescriptor outputs(::memfd_create("runup-outputs", MFD_CLOEXEC));
  if (!inputs || !outputs) {
    return std::unexpected(system_error("cannot make a file in memory", errno));
  }
  std::vector<int> descriptors{theirs.get(), inputs.get(), outputs.get()};
  if (numbers >= 0) {
    descriptors.push_back(numbers);
  }
  pid_t process = 0;
  if (const int error = spawn(interpreter, descriptors, process); error != 0) {
    return std::unexpected(system_error(std::format("cannot start `{}`", printable(interpreter)), error));
  }
  return PythonChild(process, std::move(ours), std::move(inputs), std::move(outputs));
}

Result<Json> PythonChild::ask(const Json& request) {
  if (!channel_.send(request)) {
    follow();
  }
  auto answer = channel_.receive();
  if (!answer) {
    return std::unexpected(answer.error());
  }
  if (!*answer) {
    follow();
  }
  return std::move(**answer);
}

void PythonChild::follow() const {
  int status = 0;
  while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) {
    ::signal(WTERMSIG(status), SIG_DFL);
    ::kill(::getpid(), WTERMSIG(status));
  }
  ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

Result<std::vector<PlacedTensor>> PythonChild::place(const std::vector<InputValues>& inputs) {
  if (::ftruncate(inputs_.get(), 0) != 0) {
    return std::unexpected(system_error("cannot empty the inputs' file", errno));
  }
  std::vector<PlacedTensor> placed;
  std::uint64_t at = 0;
  for (const InputValues& input : inputs) {
    if (auto written = write_all(inputs_.get(), input.bytes, at); !written) {
      return std::unexpected(written.error());
    }
    placed.push_back({.name = input.name,
                      .dtype = std::string(enum_name(input.dtype)),
                      .shape = input.shape,
                      .offset = at,
                      .bytes = input.bytes.size()});
    at += input.bytes.size();
  }
  return placed;
}

Result<std::vector<std::byte>> PythonChild::output(const PlacedTensor& tensor) const {
  struct stat status{};
  if (::fstat(outputs_.get(), &status) != 0) {
    return std::unexpected(system_error("cannot look at the outputs' file", errno));
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (tensor.offset > size || tensor.bytes > size - tensor.offset) {
    return fail(ErrorCode::bad_input, std::format("output `{}` is said to have {} bytes, which are not there",
                                                  printable(tensor.name), tensor.bytes));
  }
  std::vector<std::byte> bytes(tensor.bytes);
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t got = ::pread(outputs_.get(), bytes.data() + done, bytes.size() - done,
                                static_cast<off_t>(tensor.offset + done));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      return std::unexpected(system_error("cannot read an output", got == 0 ? EIO : errno));
    }
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

}  // namespace runup
