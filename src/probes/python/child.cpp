// SPDX-License-Identifier: Apache-2.0
#include "probes/python/child.h"

#include <fcntl.h>
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
#include "probes/python/memory_file.h"
#include "probes/python/script.h"
#include "probes/python/start.h"

namespace runup {

namespace {

// Keeps the script out of `__main__`: classes that a service pickled from there must not find its names. The
// folder that `-c` puts first is left out until the script has imported what it needs: a package's own `types`
// or `json` is no module of ours.
constexpr const char* kStartModel =
    "import sys; sys.path[:] = [p for p in sys.path if p]; import types; m = types.ModuleType('_runup'); "
    "sys.modules['_runup'] = m; "
    "exec(compile(sys.argv.pop(1), '<runup>', 'exec'), m.__dict__)";
// The first of the child's descriptors.
constexpr int kFirst = 3;

}  // namespace

Result<PythonChild> PythonChild::start(const std::string& interpreter, int numbers) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return std::unexpected(system_error("cannot make a channel to the interpreter", errno));
  }
  FileDescriptor ours(ends[0]);
  const FileDescriptor theirs(ends[1]);
  auto inputs = make_memory_file("runup-inputs");
  auto outputs = make_memory_file("runup-outputs");
  if (!inputs || !outputs) {
    return std::unexpected(inputs ? outputs.error() : inputs.error());
  }
  std::vector<PassedDescriptor> descriptors;
  for (const int descriptor : {theirs.get(), inputs->get(), outputs->get(), numbers}) {
    if (descriptor >= 0) {
      descriptors.push_back({.own = descriptor, .as = kFirst + static_cast<int>(descriptors.size())});
    }
  }
  const auto process =
      start_interpreter(interpreter, {"-c", kStartModel, std::string(python_script())}, descriptors);
  if (!process) {
    return std::unexpected(process.error());
  }
  return PythonChild(*process, std::move(ours), std::move(*inputs), std::move(*outputs));
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
    if (auto written = write_bytes(inputs_.get(), input.bytes, at); !written) {
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
  auto bytes = read_bytes(outputs_.get(), tensor.offset, tensor.bytes);
  if (!bytes) {
    return wrap(bytes.error(), std::format("output `{}`", printable(tensor.name)));
  }
  return bytes;
}

}  // namespace runup
