// SPDX-License-Identifier: Apache-2.0
// runup's side of the supervisor.

#include "probes/supervisor/supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

#include "probes/supervisor/processes.h"
#include "probes/supervisor/wire.h"

namespace runup {

namespace {

constexpr int kWatchMilliseconds = 20;
constexpr Duration kOrphanPatience = Duration::from_milliseconds(5000);

// The two ends of a socket, close-on-exec.
struct SocketPair {
  FileDescriptor here;
  FileDescriptor there;
};

Result<SocketPair> make_sockets() {
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return std::unexpected(system_error("cannot make a socket", errno));
  }
  return SocketPair{FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

// The only variables that a role of this executable may need: a sanitiser's options.
std::vector<std::string> role_environment() {
  std::vector<std::string> environment;
  for (const char* name : {"ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"}) {
    if (const char* value = ::getenv(name)) {
      environment.push_back(std::string(name) + "=" + value);
    }
  }
  return environment;
}

// posix_spawn and not fork: the caller may have threads.
Result<pid_t> spawn_supervisor(int control) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
  ::posix_spawn_file_actions_adddup2(&actions, 0, 1);
  ::posix_spawn_file_actions_adddup2(&actions, control, kControlFd);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, kControlFd + 1);
  sigset_t all;
  sigset_t none;
  ::sigfillset(&all);
  ::sigemptyset(&none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  // A session of its own, so that a terminal's Ctrl-C reaches runup alone.
  ::posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  std::string name = "runup";
  std::string role = kSupervisorRole;
  std::array<char*, 3> argv{name.data(), role.data(), nullptr};
  std::vector<std::string> environment = role_environment();
  std::vector<char*> pointers;
  for (std::string& variable : environment) {
    pointers.push_back(variable.data());
  }
  pointers.push_back(nullptr);
  pid_t pid = -1;
  const int error =
      ::posix_spawn(&pid, "/proc/self/exe", &actions, &attributes, argv.data(), pointers.data());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    return std::unexpected(system_error("cannot start the supervisor (`/proc/self/exe`)", error));
  }
  return pid;
}

// Whether a child of this process is another supervisor, which looks after itself.
bool is_supervisor(pid_t pid) {
  const FileDescriptor file(
      ::open(("/proc/" + std::to_string(pid) + "/cmdline").c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 64> text{};
  const ssize_t count = ::read(file.get(), text.data(), text.size());
  const std::string_view words(text.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
  return words == std::string("runup") + '\0' + kSupervisorRole + '\0';
}

// Ends what a dead supervisor left to this process, which is the next subreaper above it.
void end_orphans() {
  const Duration start = steady_now();
  while (steady_now() - start < kOrphanPatience) {
    bool clean = true;
    for (const pid_t child : children_of(::getpid())) {
      if (is_supervisor(child)) {
        continue;
      }
      clean = false;
      kill_tree(child);
      ::waitpid(child, nullptr, WNOHANG);
    }
    if (clean) {
      return;
    }
    ::usleep(1000);
  }
}

pid_t wait_for(pid_t pid) {
  pid_t waited = 0;
  do {
    waited = ::waitpid(pid, nullptr, 0);
  } while (waited < 0 && errno == EINTR);
  return waited;
}

}  // namespace

struct Supervisor::State {
  FileDescriptor control;
  pid_t pid = -1;
  const std::atomic<bool>* interrupted = nullptr;
  // tells the watching thread to stop
  FileDescriptor stop;
  std::jthread watcher;
  std::mutex mutex;
  std::condition_variable swept;
  // the supervisor's process ended before it was told to, and what it left has been ended
  bool lost = false;

  bool is_interrupted() const { return interrupted != nullptr && interrupted->load(); }

  // Looks for the interruption flag, which a signal handler sets, and for the supervisor's death.
  void watch() {
    bool told = false;
    while (true) {
      std::array<pollfd, 2> polled{pollfd{.fd = stop.get(), .events = POLLIN, .revents = 0},
                                   pollfd{.fd = control.get(), .events = 0, .revents = 0}};
      ::poll(polled.data(), polled.size(), kWatchMilliseconds);
      if (polled[0].revents != 0) {
        return;
      }
      if (polled[1].revents != 0) {
        // Its descriptors close before its children are handed over, so wait for its very end.
        wait_for(pid);
        end_orphans();
        const std::lock_guard lock(mutex);
        lost = true;
        swept.notify_all();
        return;
      }
      if (!told && is_interrupted()) {
        told = send_packet(control.get(), PacketKind::end_all).has_value();
      }
    }
  }

  JobEnd lost_end(Duration wall) {
    std::unique_lock lock(mutex);
    swept.wait_for(lock, std::chrono::nanoseconds(2 * kOrphanPatience.nanoseconds), [&] { return lost; });
    return {.kind = EndKind::supervisor_lost, .wall = wall};
  }
};

Supervisor::Supervisor(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Supervisor>> Supervisor::start(const std::atomic<bool>* interrupted) {
  auto sockets = make_sockets();
  if (!sockets) {
    return std::unexpected(sockets.error());
  }
  auto state = std::make_unique<State>();
  state->interrupted = interrupted;
  state->stop = FileDescriptor(::eventfd(0, EFD_CLOEXEC));
  if (!state->stop) {
    return std::unexpected(system_error("cannot make an event descriptor", errno));
  }
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  auto pid = spawn_supervisor(sockets->there.get());
  if (!pid) {
    return std::unexpected(pid.error());
  }
  state->pid = *pid;
  state->control = std::move(sockets->here);
  try {
    state->watcher = std::jthread([raw = state.get()] { raw->watch(); });
  } catch (const std::system_error& error) {
    state->control = FileDescriptor();
    wait_for(state->pid);
    return fail(ErrorCode::system, std::string("cannot start a thread: ") + error.what());
  }
  return std::unique_ptr<Supervisor>(new Supervisor(std::move(state)));
}

Supervisor::~Supervisor() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t ignored = ::write(state_->stop.get(), &one, sizeof(one));
  state_->watcher.join();
  state_->control = FileDescriptor();
  if (!state_->lost) {
    wait_for(state_->pid);
  }
}

int Supervisor::process_id() const { return state_->pid; }

JobEnd Supervisor::run(const Job& job, const std::function<bool()>& while_running) {
  const Duration start = steady_now();
  if (state_->is_interrupted()) {
    return {.kind = EndKind::interrupted};
  }
  auto reply = make_sockets();
  auto request = make_blob(dump_json(encode(JobRequest{.argv = job.argv,
                                                       .environment = job.environment,
                                                       .working_folder = job.working_folder,
                                                       .has_input = job.input.has_value(),
                                                       .limits = job.limits})));
  auto input = job.input ? make_blob(*job.input) : Result<FileDescriptor>(FileDescriptor());
  if (!reply || !request || !input) {
    return {.kind = EndKind::not_started, .code = EMFILE};
  }
  std::vector<int> descriptors{reply->there.get(), request->get()};
  if (job.input) {
    descriptors.push_back(input->get());
  }
  descriptors.insert(descriptors.end(), job.descriptors.begin(), job.descriptors.end());
  if (auto sent = send_packet(state_->control.get(), PacketKind::start_job, descriptors); !sent) {
    if (sent.error().code == ErrorCode::not_found) {
      return state_->lost_end(steady_now() - start);
    }
    return {.kind = EndKind::not_started, .code = EBADF};
  }
  reply->there = FileDescriptor();
  request = FileDescriptor();
  input = FileDescriptor();

  const bool end_now = while_running && !while_running();
  if (end_now) {
    [[maybe_unused]] const auto ignored = send_packet(reply->here.get(), PacketKind::end_job);
  }
  const auto packet = receive_packet(reply->here.get());
  if (!packet || !*packet || (*packet)->kind != PacketKind::job_end || (*packet)->descriptors.empty()) {
    return state_->lost_end(steady_now() - start);
  }
  const auto text = read_blob((*packet)->descriptors[0].get(), kMaxEndBytes);
  const auto json = text ? parse_json(*text, kMaxEndBytes) : std::unexpected(text.error());
  auto end = json ? decode<JobEnd>(*json) : std::unexpected(json.error());
  if (!end) {
    return state_->lost_end(steady_now() - start);
  }
  end->ended_by_caller = end_now && end->kind == EndKind::interrupted;
  return std::move(*end);
}

}  // namespace runup
