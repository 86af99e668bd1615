// SPDX-License-Identifier: Apache-2.0
#include "probes/python/start.h"

#include <spawn.h>
#include <unistd.h>

#include <format>

#include "base/text.h"

namespace runup {

namespace {

// Where descriptors wait until all are out of each other's way: above all that are open here.
constexpr int kAside = 64;

}  // namespace

Result<pid_t> start_interpreter(const std::string& interpreter, std::vector<std::string> arguments,
                                const std::vector<PassedDescriptor>& descriptors) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  const int count = static_cast<int>(descriptors.size());
  for (int i = 0; i < count; ++i) {
    ::posix_spawn_file_actions_adddup2(&actions, descriptors[static_cast<std::size_t>(i)].own, kAside + i);
  }
  for (int i = 0; i < count; ++i) {
    ::posix_spawn_file_actions_adddup2(&actions, kAside + i, descriptors[static_cast<std::size_t>(i)].as);
    ::posix_spawn_file_actions_addclose(&actions, kAside + i);
  }
  std::string program = interpreter;
  std::vector<char*> argv{program.data()};
  for (std::string& argument : arguments) {
    argv.push_back(argument.data());
  }
  argv.push_back(nullptr);
  pid_t process = 0;
  const int error = ::posix_spawnp(&process, interpreter.c_str(), &actions, nullptr, argv.data(), ::environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    return std::unexpected(system_error(std::format("cannot start `{}`", printable(interpreter)), error));
  }
  return process;
}

}  // namespace runup
