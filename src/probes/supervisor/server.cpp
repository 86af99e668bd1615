// SPDX-License-Identifier: Apache-2.0
// The supervisor process: one thread, one poll loop.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <list>

#include "probes/supervisor/capture.h"
#include "probes/supervisor/processes.h"
#include "probes/supervisor/spawn.h"
#include "probes/supervisor/supervisor.h"
#include "probes/supervisor/wire.h"

namespace runup {

namespace {

// How often memory is looked at. A process that fills memory at 4 GB/s overshoots by 100 MB.
constexpr Duration kSampleInterval = Duration::from_milliseconds(25);
constexpr Duration kSweepInterval = Duration::from_milliseconds(2);
// A process in an uninterruptible call of the kernel (a dead network disk) cannot be ended; nobody
// waits for it longer than this.
constexpr Duration kSweepPatience = Duration::from_milliseconds(10'000);
// Read from each pipe in one turn, so that a flood keeps no other job from its deadline.
constexpr std::size_t kReadAtOnce = std::size_t{256} * 1024;

struct RunningJob {
  FileDescriptor reply;
  Limits limits;
  Spawned process;
  Duration started;
  Capture out{0, 0};
  Capture err{0, 0};
  std::uint64_t peak = 0;
  // when what its processes share may be looked at again
  Duration next_close_look;
  // why it was ended, when that was not its own doing
  std::optional<EndKind> ended_as;
  bool reaped = false;
  int wait_status = 0;
  int exec_errno = 0;
  Duration reaped_at;
};

EndKind kind_of(const RunningJob& job) {
  if (job.ended_as) {
    return *job.ended_as;
  }
  if (job.exec_errno != 0) {
    return EndKind::not_started;
  }
  return WIFSIGNALED(job.wait_status) ? EndKind::killed_by_signal : EndKind::exited;
}

int code_of(const RunningJob& job) {
  if (job.exec_errno != 0) {
    return job.exec_errno;
  }
  return WIFSIGNALED(job.wait_status) ? WTERMSIG(job.wait_status) : WEXITSTATUS(job.wait_status);
}

void reply_end(const FileDescriptor& reply, const JobEnd& end) {
  auto blob = make_blob(dump_json(encode(end)));
  // Nobody to tell is nobody to care: the caller sees the end of its socket.
  if (blob) {
    const std::array descriptors{blob->get()};
    [[maybe_unused]] const auto ignored = send_packet(reply.get(), PacketKind::job_end, descriptors);
  }
}

// Takes what a pipe has into `capture`; closes it at its end.
void take_output(FileDescriptor& pipe, Capture& capture) {
  std::array<char, 64 * 1024> part;
  std::size_t taken = 0;
  while (pipe && taken < kReadAtOnce) {
    const ssize_t count = ::read(pipe.get(), part.data(), part.size());
    if (count > 0) {
      capture.append({part.data(), static_cast<std::size_t>(count)});
      taken += static_cast<std::size_t>(count);
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
      pipe = FileDescriptor();
    } else if (errno == EAGAIN) {
      return;
    }
  }
}

class Server {
 public:
  explicit Server(FileDescriptor signals) : signals_(std::move(signals)) {}
  int serve();

 private:
  void wait_for_events();
  void hear_control();
  void start_job(Packet packet);
  void hear_caller(RunningJob& job);
  void reap();
  void hold_to_limits(RunningJob& job, Duration now);
  static void hold_to_memory(RunningJob& job, Duration now);
  bool sweep();
  void end_all(EndKind kind);
  static void end(RunningJob& job, EndKind kind);
  static void finish(RunningJob& job);
  Duration next_wake(Duration now) const;
  bool sampling() const;

  FileDescriptor signals_;
  FileDescriptor control_{kControlFd};
  std::list<RunningJob> jobs_;
  bool refusing_ = false;
  Duration next_sample_;
};

int Server::serve() {
  std::optional<Duration> closing_since;
  while (true) {
    if (!control_ && !closing_since) {
      end_all(EndKind::interrupted);
      closing_since = steady_now();
    }
    reap();
    const bool clean = sweep();
    const Duration now = steady_now();
    for (auto job = jobs_.begin(); job != jobs_.end();) {
      const bool done = job->reaped && (clean || now - job->reaped_at > kSweepPatience);
      if (done) {
        finish(*job);
        job = jobs_.erase(job);
      } else {
        ++job;
      }
    }
    if (closing_since && ((jobs_.empty() && clean) || now - *closing_since > kSweepPatience)) {
      return 0;
    }
    wait_for_events();
  }
}

bool Server::sampling() const {
  return std::ranges::any_of(
      jobs_, [](const RunningJob& job) { return !job.reaped && job.limits.resident_bytes > 0; });
}

Duration Server::next_wake(Duration now) const {
  Duration wake = now + Duration::from_seconds(3600);
  bool sweeping = !control_;
  for (const RunningJob& job : jobs_) {
    sweeping = sweeping || job.reaped;
    if (!job.ended_as) {
      wake = std::min(wake, job.started + job.limits.deadline);
    }
  }
  if (sampling()) {
    wake = std::min(wake, next_sample_);
  }
  return sweeping ? std::min(wake, now + kSweepInterval) : wake;
}

void Server::wait_for_events() {
  std::vector<pollfd> polled{{.fd = signals_.get(), .events = POLLIN, .revents = 0},
                             {.fd = control_.get(), .events = POLLIN, .revents = 0}};
  for (const RunningJob& job : jobs_) {
    for (const FileDescriptor* fd : {&job.reply, &job.process.standard_output, &job.process.standard_error}) {
      polled.push_back({.fd = fd->get(), .events = POLLIN, .revents = 0});
    }
  }
  const Duration before = steady_now();
  const Duration wait = next_wake(before) - before;
  const timespec time{.tv_sec = std::max<std::int64_t>(wait.nanoseconds, 0) / 1'000'000'000,
                      .tv_nsec = std::max<std::int64_t>(wait.nanoseconds, 0) % 1'000'000'000};
  if (::ppoll(polled.data(), polled.size(), &time, nullptr) < 0) {
    return;
  }
  const Duration now = steady_now();
  auto next = polled.begin() + 2;
  for (RunningJob& job : jobs_) {
    if ((next++)->revents != 0) {
      hear_caller(job);
    }
    if ((next++)->revents != 0) {
      take_output(job.process.standard_output, job.out);
    }
    if ((next++)->revents != 0) {
      take_output(job.process.standard_error, job.err);
    }
    hold_to_limits(job, now);
  }
  if (now >= next_sample_) {
    next_sample_ = now + kSampleInterval;
  }
  if (polled[1].revents != 0) {
    hear_control();
  }
}

void Server::hear_control() {
  auto packet = receive_packet(control_.get());
  if (!packet) {
    // Lost descriptors cost one job (its caller sees its socket close); a broken socket is the end.
    if (packet.error().message.starts_with("cannot")) {
      control_ = FileDescriptor();
    }
    return;
  }
  if (!*packet) {
    control_ = FileDescriptor();
  } else if ((*packet)->kind == PacketKind::start_job) {
    start_job(std::move(**packet));
  } else if ((*packet)->kind == PacketKind::end_all) {
    refusing_ = true;
    end_all(EndKind::interrupted);
  }
}

void Server::start_job(Packet packet) {
  const Duration now = steady_now();
  if (packet.descriptors.size() < 2) {
    return;
  }
  FileDescriptor reply = std::move(packet.descriptors[0]);
  if (refusing_) {
    reply_end(reply, {.kind = EndKind::interrupted});
    return;
  }
  const auto text = read_blob(packet.descriptors[1].get(), kMaxRequestBytes);
  const auto json = text ? parse_json(*text, kMaxRequestBytes) : std::unexpected(text.error());
  const auto request = json ? decode<JobRequest>(*json) : std::unexpected(json.error());
  const std::size_t first = 2 + (request && request->has_input ? 1U : 0U);
  if (!request || packet.descriptors.size() < first) {
    reply_end(reply, {.kind = EndKind::not_started, .code = EINVAL});
    return;
  }
  std::vector<int> descriptors;
  for (std::size_t i = first; i < packet.descriptors.size(); ++i) {
    descriptors.push_back(packet.descriptors[i].get());
  }
  auto spawned = spawn_job(*request, request->has_input ? packet.descriptors[2].get() : -1, descriptors);
  if (!spawned) {
    reply_end(reply, {.kind = EndKind::not_started, .code = spawned.error()});
    return;
  }
  const std::size_t head = request->limits.stderr_bytes / 4;
  jobs_.push_back({.reply = std::move(reply),
                   .limits = request->limits,
                   .process = std::move(*spawned),
                   .started = now,
                   .out = Capture(request->limits.stdout_bytes, 0),
                   .err = Capture(head, request->limits.stderr_bytes - head)});
  next_sample_ = std::min(next_sample_, now + kSampleInterval);
}

void Server::hear_caller(RunningJob& job) {
  const auto packet = receive_packet(job.reply.get());
  const bool gone = !packet || !*packet;
  if (gone || (*packet)->kind == PacketKind::end_job) {
    end(job, EndKind::interrupted);
  }
  if (gone) {
    job.reply = FileDescriptor();
  }
}

void Server::reap() {
  signalfd_siginfo news{};
  while (::read(signals_.get(), &news, sizeof(news)) > 0) {
  }
  int status = 0;
  rusage usage{};
  pid_t pid = 0;
  while ((pid = ::wait4(-1, &status, WNOHANG, &usage)) > 0) {
    const auto job = std::ranges::find_if(
        jobs_, [&](const RunningJob& one) { return !one.reaped && one.process.pid == pid; });
    if (job == jobs_.end()) {
      continue;
    }
    job->reaped = true;
    job->reaped_at = steady_now();
    job->wait_status = status;
    job->exec_errno = exec_error(job->process);
    job->peak = std::max(job->peak, static_cast<std::uint64_t>(usage.ru_maxrss) * 1024);
  }
}

void Server::hold_to_limits(RunningJob& job, Duration now) {
  if (job.reaped || job.ended_as) {
    return;
  }
  if (now - job.started >= job.limits.deadline) {
    end(job, EndKind::timed_out);
  } else if (job.out.seen() > job.limits.stdout_bytes) {
    end(job, EndKind::too_much_output);
  } else if (job.limits.resident_bytes > 0 && now >= next_sample_) {
    hold_to_memory(job, now);
  }
}

void Server::hold_to_memory(RunningJob& job, Duration now) {
  std::uint64_t memory = tree_memory(job.process.pid);
  if (memory > job.limits.resident_bytes) {
    // It shares so much that it was looked at closely, not long ago for what that costs.
    if (now < job.next_close_look) {
      return;
    }
    memory = shared_tree_memory(job.process.pid);
    // so that looking takes a tenth of the time at most
    const Duration cost = steady_now() - now;
    job.next_close_look = now + Duration{cost.nanoseconds * 10};
  }
  job.peak = std::max(job.peak, memory);
  if (memory > job.limits.resident_bytes) {
    end(job, EndKind::out_of_memory);
  }
}

// Every job is a subreaper, so a child of this process that is no job is what an ended job left
// behind, and nothing else. True when there is none.
bool Server::sweep() {
  const bool needed =
      !control_ || std::ranges::any_of(jobs_, [](const RunningJob& job) { return job.reaped; });
  if (!needed) {
    return true;
  }
  bool clean = true;
  for (const pid_t child : children_of(::getpid())) {
    const bool is_job = std::ranges::any_of(
        jobs_, [&](const RunningJob& job) { return !job.reaped && job.process.pid == child; });
    if (!is_job) {
      kill_tree(child);
      clean = false;
    }
  }
  return clean;
}

void Server::end(RunningJob& job, EndKind kind) {
  if (!job.reaped && !job.ended_as) {
    job.ended_as = kind;
    kill_tree(job.process.pid);
  }
}

void Server::end_all(EndKind kind) {
  for (RunningJob& job : jobs_) {
    end(job, kind);
  }
}

void Server::finish(RunningJob& job) {
  take_output(job.process.standard_output, job.out);
  take_output(job.process.standard_error, job.err);
  if (!job.ended_as && job.out.seen() > job.limits.stdout_bytes) {
    job.ended_as = EndKind::too_much_output;
  }
  reply_end(job.reply, {.kind = kind_of(job),
                        .code = code_of(job),
                        .wall = job.reaped_at - job.started,
                        .peak_resident_bytes = job.peak,
                        .standard_output = job.out.text(),
                        .stderr_tail = job.err.text()});
}

}  // namespace

int supervisor_main() {
  // Signals of the terminal and of service managers are for runup, which decides; it is gone when
  // descriptor 3 ends.
  sigset_t blocked;
  ::sigfillset(&blocked);
  for (const int fatal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
    ::sigdelset(&blocked, fatal);
  }
  ::sigprocmask(SIG_SETMASK, &blocked, nullptr);
  ::setsid();
  ::fcntl(kControlFd, F_SETFD, FD_CLOEXEC);
  sigset_t children;
  ::sigemptyset(&children);
  ::sigaddset(&children, SIGCHLD);
  FileDescriptor signals(::signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals || ::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0 || ::chdir("/") != 0) {
    // EX_OSERR
    return 71;
  }
  return Server(std::move(signals)).serve();
}

}  // namespace runup
