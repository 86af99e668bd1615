// SPDX-License-Identifier: Apache-2.0
#pragma once

// The server as a child process, shut in, with its output in a pipe.

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "probes/protocol/service_request.h"
#include "probes/supervisor/capture.h"

namespace runup {

// Of a start that is a fork of another process.
struct ForkedBy {
  // the process that all of them descend from; 0: the start is this process's own child
  pid_t keeper = 0;
  // its own process's end is told here
  FileDescriptor news;
};

struct LaunchedService {
  pid_t process = -1;
  // stdout and stderr together; non-blocking
  FileDescriptor output;
  // the words that were executed
  std::string command;
  ForkedBy forked_by;
};

// The words that are executed for a command: its own where it needs no shell, else `/bin/sh -c`. `python` is the service's
// interpreter, and so is a server that is a module of it and has no program beside it (`python -m uvicorn`).
std::vector<std::string> words_of_command(const std::string& command, const std::string& interpreter);

// The same with this port in them.
std::vector<std::string> words_of_start(const ServiceRequest& request, std::uint16_t port);
// What a start finds in its environment beside the config's variables; makes its folders.
std::map<std::string, std::string> environment_of_start(const ServiceRequest& request, std::uint16_t port);

struct Program {
  std::vector<std::string> words;
  // its stdout and stderr
  int output = -1;
  // become its descriptors 3, 4, ...
  std::vector<int> descriptors;
};

// Starts a program in the request's folder, shut in, and without the rights that its damage must not meet. This process
// must have one thread. What it is not kept from goes to `unprotected`. An error says why it could not be started.
Result<pid_t> launch_program(const ServiceRequest& request, const Program& program,
                             std::vector<std::string>& unprotected);

struct OutputPipe {
  // non-blocking
  FileDescriptor read;
  FileDescriptor write;
};
Result<OutputPipe> make_output_pipe();

// Starts the request's command with this port, as launch_program() does.
Result<LaunchedService> launch(const ServiceRequest& request, std::uint16_t port,
                               std::vector<std::string>& unprotected);

// What is written to a pipe, read in a thread, bounded.
class LogReader {
 public:
  explicit LogReader(FileDescriptor pipe);
  std::string text() const;
  std::uint64_t bytes() const;

 private:
  FileDescriptor pipe_;
  mutable std::mutex mutex_;
  Capture capture_;
  std::jthread thread_;
};

// The service's processes: those below this one, whose ends it asks for, or those below the keeper that are in this
// process's network, and what they start.
class ProcessWatch {
 public:
  // Processes that this one has already, but `main`, are not the service's.
  explicit ProcessWatch(pid_t main, ForkedBy forked_by = {});
  // Looks again.
  void look();
  // `wait` status of the server's own process, once it ended
  const std::optional<int>& main_status() const { return main_status_; }
  // those that run now, of those that were seen
  const std::vector<pid_t>& running() const { return running_; }
  std::uint64_t seen() const { return queued_.size(); }
  // How long they were ready to run and waited for a processor, all together: what a busy host took of their time. Zero
  // where the kernel does not tell.
  Duration queued() const;

 private:
  void reap();
  void hear_of_end();

  pid_t main_;
  ForkedBy forked_by_;
  std::vector<pid_t> others_;
  std::optional<int> main_status_;
  std::vector<pid_t> running_;
  // of each that was seen, by the kernel's last word, in nanoseconds
  std::map<pid_t, std::int64_t> queued_;
};

// As the kernel has it, at most 15 characters.
std::string process_name(pid_t process);

}  // namespace runup
