// SPDX-License-Identifier: Apache-2.0
#include "probes/supervisor/spawn.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace runup {

namespace {

#ifdef __SANITIZE_ADDRESS__
constexpr bool kCanLimitAddressSpace = false;
#else
constexpr bool kCanLimitAddressSpace = true;
#endif

constexpr int kFirstJobFd = 3;
// By convention of shells, for a program that could not be executed.
constexpr int kNotExecuted = 127;

struct Pipe {
  FileDescriptor read;
  FileDescriptor write;
};

// Only the read end is non-blocking: the flag of the write end would be the job's.
std::expected<Pipe, int> make_pipe() {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return std::unexpected(errno);
  }
  Pipe pipe{FileDescriptor(ends[0]), FileDescriptor(ends[1])};
  if (::fcntl(pipe.read.get(), F_SETFL, O_NONBLOCK) != 0) {
    return std::unexpected(errno);
  }
  return pipe;
}

std::vector<char*> as_pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) {
    pointers.push_back(const_cast<char*>(text.c_str()));
  }
  pointers.push_back(nullptr);
  return pointers;
}

bool set_limit(__rlimit_resource resource, std::uint64_t value) {
  const rlimit limit{.rlim_cur = value, .rlim_max = value};
  if (::setrlimit(resource, &limit) == 0) {
    return true;
  }
  // A hard limit that is lower already holds.
  rlimit present{};
  return errno == EPERM && ::getrlimit(resource, &present) == 0 && present.rlim_max <= value;
}

bool set_limits(const Limits& limits) {
  if (kCanLimitAddressSpace && limits.address_space_bytes > 0 &&
      !set_limit(RLIMIT_AS, limits.address_space_bytes)) {
    return false;
  }
  return set_limit(RLIMIT_CORE, 0) && set_limit(RLIMIT_FSIZE, limits.file_bytes);
}

void reset_signals() {
  for (int signal = 1; signal < NSIG; ++signal) {
    ::signal(signal, SIG_DFL);
  }
  // A write beyond RLIMIT_FSIZE then fails with EFBIG, which the program can report.
  ::signal(SIGXFSZ, SIG_IGN);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Puts `sources` at 0, 1, 2, ... and closes everything else but the close-on-exec `keep`, which is
// moved behind them.
bool place_descriptors(std::vector<int> sources, int& keep) {
  const int end = static_cast<int>(sources.size());
  // Out of the way first: a source may have the number of another one's place.
  for (int& source : sources) {
    source = ::fcntl(source, F_DUPFD_CLOEXEC, end + 1);
    if (source < 0) {
      return false;
    }
  }
  const int moved = ::fcntl(keep, F_DUPFD_CLOEXEC, end + 1);
  if (moved < 0) {
    return false;
  }
  for (int place = 0; place < end; ++place) {
    if (::dup2(sources[static_cast<std::size_t>(place)], place) < 0) {
      return false;
    }
  }
  // All others are close-on-exec already; this also holds for any that a library left open. Kernels
  // before 5.11 do not know the flag.
  ::syscall(SYS_close_range, end, ~0U, CLOSE_RANGE_CLOEXEC);
  keep = moved;
  return true;
}

// When memory runs out, the kernel shall take the job and not its supervisor.
void volunteer_for_oom_killer() {
  const int file = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (file >= 0) {
    [[maybe_unused]] const ssize_t ignored = ::write(file, "500", 3);
    ::close(file);
  }
}

[[noreturn]] void become_job(const JobRequest& job, const std::vector<int>& sources, pid_t supervisor,
                             int status) {
  const auto give_up = [&] {
    const int error = errno;
    [[maybe_unused]] const ssize_t ignored = ::write(status, &error, sizeof(error));
    ::_exit(kNotExecuted);
  };
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
    give_up();
  }
  // The supervisor may have died before the line above.
  if (::getppid() != supervisor) {
    ::_exit(kNotExecuted);
  }
  ::setsid();
  reset_signals();
  volunteer_for_oom_killer();
  // Orphans below the job stay below it, so that they are known to be its own.
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0 || ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      !place_descriptors(sources, status) || ::chdir(job.working_folder.c_str()) != 0 ||
      !set_limits(job.limits)) {
    give_up();
  }
  const std::vector<char*> argv = as_pointers(job.argv);
  const std::vector<char*> environment = as_pointers(job.environment);
  ::execve(argv.front(), argv.data(), environment.data());
  give_up();
  std::unreachable();
}

}  // namespace

std::expected<Spawned, int> spawn_job(const JobRequest& job, int input, const std::vector<int>& descriptors) {
  if (job.argv.empty()) {
    return std::unexpected(EINVAL);
  }
  const FileDescriptor nowhere(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!nowhere) {
    return std::unexpected(errno);
  }
  auto status = make_pipe();
  auto err = make_pipe();
  auto out = job.limits.stdout_bytes > 0 ? make_pipe() : std::expected<Pipe, int>(Pipe{});
  for (const auto* made : {&status, &err, &out}) {
    if (!*made) {
      return std::unexpected(made->error());
    }
  }
  std::vector<int> sources{input < 0 ? nowhere.get() : input, out->write ? out->write.get() : nowhere.get(),
                           err->write.get()};
  static_assert(kFirstJobFd == 3);
  sources.insert(sources.end(), descriptors.begin(), descriptors.end());

  const pid_t supervisor = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) {
    return std::unexpected(errno);
  }
  if (pid == 0) {
    become_job(job, sources, supervisor, status->write.get());
  }
  return Spawned{.pid = pid,
                 .standard_output = std::move(out->read),
                 .standard_error = std::move(err->read),
                 .exec_status = std::move(status->read)};
}

int exec_error(const Spawned& job) {
  int error = 0;
  const ssize_t count = ::read(job.exec_status.get(), &error, sizeof(error));
  return count == static_cast<ssize_t>(sizeof(error)) ? error : 0;
}

}  // namespace runup
