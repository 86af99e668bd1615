// SPDX-License-Identifier: Apache-2.0
#pragma once

// The server as a child process, shut in, with its output in a pipe.

#include <sys/types.h>

#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "probes/protocol/service_request.h"
#include "probes/supervisor/capture.h"

namespace runup {

struct LaunchedService {
  pid_t process = -1;
  // stdout and stderr together; non-blocking
  FileDescriptor output;
  // the words that were executed
  std::string command;
};

// The words that are executed for a command: its own where it needs no shell, else `/bin/sh -c`. `python` is the service's
// interpreter, and so is a server that is a module of it and has no program beside it (`python -m uvicorn`).
std::vector<std::string> words_of_command(const std::string& command, const std::string& interpreter);

// Starts the request's command with this port, in its folder and without the rights that its damage must not meet.
// This process must have one thread. What the service is not kept from goes to `unprotected`. An error says why it
// could not be started.
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

// The service's processes: those below this one. Reaps what ended.
class ProcessWatch {
 public:
  // Processes that this one has already, but `main`, are not the service's.
  explicit ProcessWatch(pid_t main);
  // Looks again.
  void look();
  // `wait` status of the server's own process, once it ended
  const std::optional<int>& main_status() const { return main_status_; }
  // those that run now, of those that were seen
  const std::vector<pid_t>& running() const { return running_; }
  std::uint64_t seen() const { return seen_.size(); }

 private:
  pid_t main_;
  std::vector<pid_t> others_;
  std::optional<int> main_status_;
  std::vector<pid_t> running_;
  std::set<pid_t> seen_;
};

// As the kernel has it, at most 15 characters.
std::string process_name(pid_t process);

}  // namespace runup
