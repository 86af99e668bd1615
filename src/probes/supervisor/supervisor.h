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

// First arguments by which this executable plays another role (cli/roles.h).
inline constexpr const char* kSupervisorRole = "__supervisor";
inline constexpr const char* kProbeRole = "__probe";

// What a job may use. Each limit's default is a bound, not a need.
struct Limits {
  // wall time from start to end
  Duration deadline = Duration::from_seconds(60);
  // RLIMIT_AS, 0: none. For core probes; it breaks CUDA and large reservations of ML runtimes. Ignored
  // in a build with sanitisers, whose shadow memory is larger than any limit
  std::uint64_t address_space_bytes = 0;
  // anonymous and shared memory of the job and its descendants together, 0: none; sampled. Pages of
  // mapped files do not count, because the kernel can drop them
  std::uint64_t resident_bytes = 0;
  // what is kept of stderr: a quarter of this from its start, the rest from its end
  std::size_t stderr_bytes = 16 * 1024;
  // stdout is kept up to this, then the job is ended as garbled; 0: stdout goes to /dev/null
  std::size_t stdout_bytes = 0;
  // RLIMIT_FSIZE: no file that the job writes may become larger; 0: it writes none
  std::uint64_t file_bytes = 0;
  static constexpr auto fields() {
    return std::tuple{Field{"deadline", &Limits::deadline},
                      Field{"address_space_bytes", &Limits::address_space_bytes},
                      Field{"resident_bytes", &Limits::resident_bytes},
                      Field{"stderr_bytes", &Limits::stderr_bytes},
                      Field{"stdout_bytes", &Limits::stdout_bytes},
                      Field{"file_bytes", &Limits::file_bytes}};
  }
};

struct Job {
  // argv[0] is an absolute path
  std::vector<std::string> argv;
  // the whole environment, `NAME=value`
  std::vector<std::string> environment;
  std::string working_folder = "/";
  // become descriptors 3, 4, ... of the job; borrowed until `while_running` is called, which should
  // close the caller's copy of a channel's other end, or it will not see the channel's end
  std::vector<int> descriptors;
  // written to its stdin; without it stdin is /dev/null
  std::optional<std::string> input;
  Limits limits;
};

enum class EndKind {
  exited,
  killed_by_signal,
  timed_out,
  out_of_memory,
  too_much_output,
  not_started,
  supervisor_lost,
  interrupted
};
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
  // the caller ended it by returning false from `while_running`
  bool ended_by_caller = false;
  static constexpr auto fields() {
    return std::tuple{Field{"kind", &JobEnd::kind},
                      Field{"code", &JobEnd::code},
                      Field{"wall", &JobEnd::wall},
                      Field{"peak_resident_bytes", &JobEnd::peak_resident_bytes},
                      Field{"standard_output", &JobEnd::standard_output},
                      Field{"stderr_tail", &JobEnd::stderr_tail}};
  }
};

class Supervisor {
 public:
  // Starts the supervisor as a role of this executable, and makes this process a child subreaper, so
  // that what a killed supervisor leaves behind can be ended too. `interrupted`, when it turns true,
  // ends every running job and refuses new ones; it may be null.
  static Result<std::unique_ptr<Supervisor>> start(const std::atomic<bool>* interrupted);
  // Ends everything that is still running.
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // Runs one job to its end and returns when it and all its descendants are gone. May be called
  // from several threads at once. `while_running`, when given, is called once after the start, in
  // this thread, and does the talking over the job's channel; it must return when its peer is gone.
  // When it returns false, the job is ended at once; otherwise it goes on to its own end.
  JobEnd run(const Job& job, const std::function<bool()>& while_running = {});

  // The supervisor's process; for tests.
  int process_id() const;

 private:
  struct State;
  explicit Supervisor(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// main() of the supervisor role; its channel to runup is descriptor 3.
int supervisor_main();

}  // namespace runup
