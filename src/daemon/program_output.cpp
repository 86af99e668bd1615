// SPDX-License-Identifier: Apache-2.0
#include "daemon/program_output.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <format>

#include "base/bytes.h"

namespace runup {

namespace {

constexpr std::size_t kMostOutput = std::size_t{64} << 10U;

// Reads to the end; false when time ran out.
bool read_all(int fd, std::string& text, Duration end) {
  std::array<char, 4096> buffer{};
  while (true) {
    const std::int64_t left = (end - steady_now()).nanoseconds / 1'000'000;
    pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
    const int ready =
        left <= 0 ? 0 : ::poll(&waiting, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
    if (ready == 0) {
      return false;
    }
    const ssize_t got = ready < 0 ? -1 : ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno != EINTR) {
      return true;
    }
    if (got == 0) {
      return true;
    }
    if (got > 0 && text.size() < kMostOutput) {
      text.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }
}

}  // namespace

Result<ProgramOutput> run_program(const std::vector<std::string>& argv, Duration patience) {
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return std::unexpected(system_error("cannot make a pipe", errno));
  }
  const FileDescriptor reading(ends[0]);
  FileDescriptor writing(ends[1]);
  posix_spawn_file_actions_t actions{};
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, writing.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, writing.get(), STDERR_FILENO);
  std::vector<char*> words;
  for (const std::string& word : argv) {
    words.push_back(const_cast<char*>(word.c_str()));
  }
  words.push_back(nullptr);
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, words.front(), &actions, nullptr, words.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    return std::unexpected(system_error(std::format("cannot start `{}`", argv.front()), error));
  }
  writing = FileDescriptor();
  ProgramOutput output;
  const bool in_time = read_all(reading.get(), output.text, steady_now() + patience);
  if (!in_time) {
    ::kill(pid, SIGKILL);
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!in_time) {
    return fail(ErrorCode::limit,
                std::format("`{}` did not end within {}", argv.front(), format_duration(patience)));
  }
  output.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return output;
}

}  // namespace runup
