// SPDX-License-Identifier: Apache-2.0
#pragma once

// Every process that runup starts is a child of one small single-threaded supervisor process, which
// is a child subreaper, watches deadlines and memory, and ends everything that it started (also what
// called setsid) when a job ends and when runup dies, by whatever signal. A process group or
// PR_SET_PDEATHSIG alone would not do: a child can leave the group, and the death signal follows the
// spawning thread.

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/codec.h"

namespace runup {

// What a job may use. Each limit's default is a bound, not a need.
struct Limits {
  // wall time from start to end
  Duration deadline = Duration::from_seconds(60);
  // RLIMIT_AS, 0: none. For core probes; it breaks CUDA and large reservations of ML runtimes
  std::uint64_t address_space_bytes = 0;
  // resident bytes of the job and its descendants together, 0: none; sampled
  std::uint64_t resident_bytes = 0;
  // the end of stderr that is kept
  std::size_t stderr_bytes = 16 * 1024;
  // stdout is kept up to this, then the job is ended as garbled; 0: stdout goes to /dev/null
  std::size_t stdout_bytes = 0;
  // RLIMIT_FSIZE
  std::uint64_t file_bytes = 0;
};

struct Job {
  // argv[0] is an absolute path
  std::vector<std::string> argv;
  // the whole environment, `NAME=value`
  std::vector<std::string> environment;
  std::string working_folder = "/";
  // become descriptors 3, 4, ... of the job; borrowed until run() returns
  std::vector<int> descriptors;
  // written to its stdin; without it stdin is /dev/null
  std::optional<std::string> input;
  Limits limits;
};

enum class EndKind { exited, killed_by_signal, timed_out, out_of_memory, too_much_output, not_started, supervisor_lost, interrupted };
constexpr auto enum_names(EndKind) {
  using enum EndKind;
  return std::array<std::pair<EndKind, std::string_view>, 8>{{{exited, "exited"},
                                                              {killed_by_signal, "killed-by-signal"},
                                                              {timed_out, "timed-out"},
                                                              {out_of_memory, "out-of-memory"},
                                                              {too_much_output, "too-much-output"},
                                                              {not_started, "not-started"},
                                                              {supervisor_lost, "supervisor-lost"},
                                                              {interrupted, "interrupted"}}};
}

// How a job ended: a value, never an exception.
struct JobEnd {
  EndKind kind = EndKind::not_started;
  // exit status, or signal number, or errno of a failed start
  int code = 0;
  Duration wall;
  std::uint64_t peak_resident_bytes = 0;
  std::string standard_output;
  std::string stderr_tail;
};

class Supervisor {
 public:
  // Starts the supervisor as a role of this executable. `interrupted`, when it turns true, ends
  // every running job and refuses new ones.
  static Result<std::unique_ptr<Supervisor>> start(const std::atomic<bool>* interrupted);
  // Ends everything that is still running.
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // Runs one job to its end and returns when it and all its descendants are gone. May be called
  // from several threads at once. `while_running`, when given, is called once after the start, in
  // this thread, and does the talking over the job's channel; it must return when its peer is gone.
  JobEnd run(const Job& job, const std::function<void()>& while_running = {});

 private:
  struct State;
  explicit Supervisor(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// main() of the supervisor role; its channel to runup is descriptor 3.
int supervisor_main();

}  // namespace runup
