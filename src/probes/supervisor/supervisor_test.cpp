// SPDX-License-Identifier: Apache-2.0
// The supervisor as a real process of its own: this test is the executable that it is a role of.

#include "probes/supervisor/supervisor.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include <catch2/catch_session.hpp>
#include <catch2/catch_test_macros.hpp>

namespace runup {
namespace {

constexpr const char* kEater = "__eat";

// Touches memory until it is ended, or has `megabytes`: anonymous, private or shared; holds it for `seconds`.
int eat(const std::string& kind, std::size_t megabytes, int seconds) {
  constexpr std::size_t kPart = std::size_t{4} << 20U;
  for (std::size_t eaten = 0; eaten < megabytes << 20U; eaten += kPart) {
    const int flags = (kind == "shared" ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS;
    void* part = ::mmap(nullptr, kPart, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (part == MAP_FAILED) {
      return 3;
    }
    std::memset(part, 1, kPart);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (kind == "forked" || kind == "one-memory") {
    const pid_t child = kind == "forked" ? ::fork() : ::vfork();
    if (child == 0) {
      ::sleep(static_cast<unsigned>(seconds));
      ::_exit(0);
    }
    return ::waitpid(child, nullptr, 0) == child ? 0 : 4;
  }
  std::this_thread::sleep_for(std::chrono::seconds(seconds));
  return 0;
}

std::string unique_mark() {
  static int count = 0;
  return "RUNUP_TEST_MARK=" + std::to_string(::getpid()) + "." + std::to_string(++count);
}

// Processes, zombies excepted, that were started with `mark` in their environment.
std::vector<int> marked_processes(const std::string& mark) {
  std::vector<int> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) {
      continue;
    }
    std::ifstream file(entry.path() / "environ", std::ios::binary);
    const std::string environment{std::istreambuf_iterator<char>(file), {}};
    if (environment.find(mark) != std::string::npos) {
      found.push_back(std::stoi(name));
    }
  }
  return found;
}

bool gone_within(const std::string& mark, double seconds) {
  const Duration end = steady_now() + Duration::from_seconds(seconds);
  while (!marked_processes(mark).empty()) {
    if (steady_now() > end) {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

Job shell(const std::string& script, const std::string& mark = "A=b") {
  return {.argv = {"/bin/sh", "-c", script},
          .environment = {"PATH=/usr/bin:/bin", mark},
          .limits = {.deadline = Duration::from_seconds(20), .stdout_bytes = 4096}};
}

std::string self() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

std::unique_ptr<Supervisor> started(const std::atomic<bool>* interrupted = nullptr) {
  auto supervisor = Supervisor::start(interrupted);
  REQUIRE(supervisor);
  return std::move(*supervisor);
}

TEST_CASE("a job's output, status and input") {
  const auto supervisor = started();
  Job job = shell("cat; echo to-stderr >&2; exit 7");
  job.input = std::string(300'000, 'x') + "end";
  job.limits.stdout_bytes = 1'000'000;
  const JobEnd end = supervisor->run(job);
  CHECK(end.kind == EndKind::exited);
  CHECK(end.code == 7);
  CHECK(end.standard_output == *job.input);
  CHECK(end.stderr_tail == "to-stderr\n");
  CHECK(end.wall.seconds() < 5);
  CHECK(end.peak_resident_bytes > 0);
}

TEST_CASE("a job sees its own descriptors, environment, folder and session, and nothing else") {
  // Left open across exec on purpose.
  const int leaked = ::open("/dev/null", O_RDONLY);
  const auto supervisor = started();
  const FileDescriptor first(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const FileDescriptor second(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
  Job job = shell(
      "pwd -P; for n in 0 1 2 3 4 5 6 7 8 9; do [ -e /proc/$$/fd/$n ] && echo has $n; done; "
      "readlink /proc/$$/fd/0 /proc/$$/fd/3 /proc/$$/fd/4; env | sort; "
      "grep -E '^(NoNewPrivs|SigBlk|SigIgn)' /proc/self/status; ulimit -c; ulimit -f");
  job.descriptors = {first.get(), second.get()};
  job.working_folder = "/usr";
  const JobEnd end = supervisor->run(job);
  ::close(leaked);
  INFO(end.standard_output << end.stderr_tail);
  const std::string& out = end.standard_output;
  CHECK(out.starts_with("/usr\nhas 0\nhas 1\nhas 2\nhas 3\nhas 4\n/dev/null\n/dev/null\n/dev/zero\n"));
  CHECK(out.find("\nA=b\n") != std::string::npos);
  CHECK(out.find("HOME=") == std::string::npos);
  CHECK(out.find("NoNewPrivs:\t1\n") != std::string::npos);
  CHECK(out.find("SigBlk:\t0000000000000000\n") != std::string::npos);
  // SIGXFSZ alone
  CHECK(out.find("SigIgn:\t0000000001000000\n") != std::string::npos);
  CHECK(out.ends_with("\n0\n0\n"));
}

TEST_CASE("what cannot be started says why") {
  const auto supervisor = started();
  Job job = shell("");
  job.argv = {"/nonexistent/program"};
  JobEnd end = supervisor->run(job);
  CHECK(end.kind == EndKind::not_started);
  CHECK(end.code == ENOENT);
  job.argv = {"/etc/passwd"};
  end = supervisor->run(job);
  CHECK(end.kind == EndKind::not_started);
  CHECK(end.code == EACCES);
  // the supervisor still works
  CHECK(supervisor->run(shell("exit 3")).code == 3);
}

TEST_CASE("death by signal is a value") {
  const auto supervisor = started();
  const JobEnd end = supervisor->run(shell("kill -SEGV $$"));
  CHECK(end.kind == EndKind::killed_by_signal);
  CHECK(end.code == SIGSEGV);
}

TEST_CASE("a deadline ends everything that was started") {
  const auto supervisor = started();
  const std::string mark = unique_mark();
  Job job =
      shell("setsid sh -c 'setsid sleep 1000 & sleep 1000' & (trap '' TERM; sleep 1000) & sleep 1000", mark);
  job.limits.deadline = Duration::from_milliseconds(300);
  std::size_t running = 0;
  const JobEnd end = supervisor->run(job, [&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    running = marked_processes(mark).size();
    return true;
  });
  CHECK(end.kind == EndKind::timed_out);
  CHECK(running >= 5);
  CHECK(marked_processes(mark).empty());
  CHECK(end.wall.seconds() > 0.29);
  CHECK(end.wall.seconds() < 3);
}

TEST_CASE("what a job leaves behind is ended, and other jobs are not") {
  const auto supervisor = started();
  const std::string other_mark = unique_mark();
  JobEnd other;
  std::jthread other_run([&] { other = supervisor->run(shell("sleep 1; exit 5", other_mark)); });
  const std::string mark = unique_mark();
  // a daemon: its own session, twice forked, with its descriptors closed and an environment of its own
  const JobEnd end = supervisor->run(
      shell("setsid sh -c '(env -i " + mark + " sleep 1000 <&- >&- 2>&- &)' & sleep 0.1; exit 0", mark));
  CHECK(end.kind == EndKind::exited);
  CHECK(marked_processes(mark).empty());
  CHECK_FALSE(marked_processes(other_mark).empty());
  other_run.join();
  CHECK(other.kind == EndKind::exited);
  CHECK(other.code == 5);
}

TEST_CASE("a flood on stderr is drained and bounded") {
  const auto supervisor = started();
  Job job = shell("echo first >&2; yes 0123456789abcdef | head -c 50000000 >&2; echo last >&2");
  job.limits.stderr_bytes = 4096;
  const JobEnd end = supervisor->run(job);
  CHECK(end.kind == EndKind::exited);
  CHECK(end.stderr_tail.size() < 5000);
  CHECK(end.stderr_tail.starts_with("first\n"));
  CHECK(end.stderr_tail.ends_with("last\n"));
  CHECK(end.stderr_tail.find("MiB left out") != std::string::npos);
}

TEST_CASE("too much output ends the job") {
  const auto supervisor = started();
  const JobEnd end = supervisor->run(shell("yes"));
  CHECK(end.kind == EndKind::too_much_output);
  CHECK(end.standard_output.size() < 6000);
  CHECK(end.wall.seconds() < 5);
}

TEST_CASE("memory of the job and its children together is bounded") {
  const auto supervisor = started();
  const auto eater = [&](const std::string& kind) {
    const std::string mark = unique_mark();
    const std::string eats = self() + " __eat " + kind + " 200 60 & ";
    Job job = shell(eats + eats + "wait", mark);
    job.limits.resident_bytes = std::uint64_t{100} << 20U;
    const JobEnd end = supervisor->run(job);
    CHECK(marked_processes(mark).empty());
    return end;
  };
  for (const char* kind : {"private", "shared"}) {
    const JobEnd end = eater(kind);
    CHECK(end.kind == EndKind::out_of_memory);
    CHECK(end.peak_resident_bytes > std::uint64_t{100} << 20U);
    CHECK(end.wall.seconds() < 40);
  }
  Job modest = shell(self() + " __eat private 50 0");
  modest.limits.resident_bytes = std::uint64_t{100} << 20U;
  const JobEnd end = supervisor->run(modest);
  INFO(dump_json(encode(end), 1));
  CHECK(end.code == 0);
}

TEST_CASE("memory that a job's processes share counts once") {
  const auto supervisor = started();
  for (const char* kind : {"forked", "one-memory"}) {
    Job job = shell(self() + " __eat " + kind + " 80 1");
    job.limits.resident_bytes = std::uint64_t{140} << 20U;
    const JobEnd end = supervisor->run(job);
    INFO(kind << dump_json(encode(end), 1));
    CHECK(end.kind == EndKind::exited);
    CHECK(end.code == 0);
    CHECK(end.peak_resident_bytes > std::uint64_t{80} << 20U);
  }
}

TEST_CASE("address space and file size are limited") {
  const auto supervisor = started();
  Job job = shell("ulimit -v; ulimit -f");
  job.limits.file_bytes = 10240;
  job.limits.address_space_bytes = std::uint64_t{3} << 30U;
  const JobEnd end = supervisor->run(job);
#ifdef __SANITIZE_ADDRESS__
  CHECK(end.standard_output == "unlimited\n20\n");
#else
  CHECK(end.standard_output == "3145728\n20\n");
#endif
}

TEST_CASE("talking over a channel, and ending a job that need not go on") {
  const auto supervisor = started();
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  const FileDescriptor here(ends[0]);
  FileDescriptor there(ends[1]);
  Job job = shell("echo ready >&3; sleep 1000");
  job.descriptors = {there.get()};
  std::string heard;
  const JobEnd end = supervisor->run(job, [&] {
    there = FileDescriptor();
    std::array<char, 16> text{};
    heard.assign(text.data(), static_cast<std::size_t>(
                                  std::max<ssize_t>(::read(here.get(), text.data(), text.size()), 0)));
    return false;
  });
  CHECK(heard == "ready\n");
  CHECK(end.ended_by_caller);
  CHECK(end.wall.seconds() < 5);
}

TEST_CASE("a job that ends at the moment when it is told to") {
  const auto supervisor = started();
  for (int i = 0; i < 300; ++i) {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    const FileDescriptor here(ends[0]);
    FileDescriptor there(ends[1]);
    Job job = shell("exit 0");
    job.descriptors = {there.get()};
    const JobEnd end = supervisor->run(job, [&] {
      there = FileDescriptor();
      std::array<char, 1> byte{};
      [[maybe_unused]] const ssize_t ignored = ::read(here.get(), byte.data(), 1);
      std::this_thread::sleep_for(std::chrono::microseconds(10 * (i % 100)));
      return false;
    });
    REQUIRE((end.kind == EndKind::exited || end.ended_by_caller));
  }
}

TEST_CASE("an interruption ends running jobs and refuses new ones") {
  std::atomic<bool> interrupted = false;
  const auto supervisor = started(&interrupted);
  const std::string mark = unique_mark();
  std::jthread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    interrupted = true;
  });
  const JobEnd end = supervisor->run(shell("setsid sleep 1000 & sleep 1000", mark));
  CHECK(end.kind == EndKind::interrupted);
  CHECK_FALSE(end.ended_by_caller);
  CHECK(end.wall.seconds() < 3);
  CHECK(marked_processes(mark).empty());
  CHECK(supervisor->run(shell("exit 0")).kind == EndKind::interrupted);
}

TEST_CASE("a killed supervisor takes its jobs with it, and that is a value") {
  const auto supervisor = started();
  const auto bystander = started();
  const std::string mark = unique_mark();
  const std::string other_mark = unique_mark();
  JobEnd other;
  std::jthread other_run([&] { other = bystander->run(shell("sleep 1; exit 5", other_mark)); });
  std::jthread killer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    ::kill(supervisor->process_id(), SIGKILL);
  });
  const JobEnd end = supervisor->run(shell("setsid sh -c 'sleep 1000 & sleep 1000' & sleep 1000", mark));
  CHECK(end.kind == EndKind::supervisor_lost);
  CHECK(marked_processes(mark).empty());
  CHECK(supervisor->run(shell("exit 0")).kind == EndKind::supervisor_lost);
  other_run.join();
  CHECK(other.code == 5);
}

TEST_CASE("when runup is killed, nothing of it goes on") {
  const std::string mark = unique_mark();
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t runup = ::fork();
  REQUIRE(runup >= 0);
  if (runup == 0) {
    auto supervisor = Supervisor::start(nullptr);
    if (supervisor) {
      [[maybe_unused]] const ssize_t told = ::write(ready[1], "x", 1);
      (*supervisor)->run(shell("setsid sh -c 'sleep 1000 & sleep 1000' & sleep 1000", mark));
    }
    ::_exit(0);
  }
  std::array<char, 1> byte{};
  REQUIRE(::read(ready[0], byte.data(), 1) == 1);
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  CHECK(marked_processes(mark).size() >= 3);
  ::kill(runup, SIGKILL);
  ::waitpid(runup, nullptr, 0);
  CHECK(gone_within(mark, 5));
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_CASE("many jobs at once, with and without leftovers") {
  const auto supervisor = started();
  const std::string mark = unique_mark();
  std::array<int, 8> codes{};
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < codes.size(); ++i) {
      threads.emplace_back([&, i] {
        for (int round = 0; round < 5; ++round) {
          const std::string code = std::to_string(i + 1);
          codes[i] = supervisor->run(shell("(setsid sleep 1000 &) ; exit " + code, mark)).code;
        }
      });
    }
  }
  for (std::size_t i = 0; i < codes.size(); ++i) {
    CHECK(codes[i] == static_cast<int>(i + 1));
  }
  CHECK(marked_processes(mark).empty());
}

}  // namespace
}  // namespace runup

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], runup::kSupervisorRole) == 0) {
    return runup::supervisor_main();
  }
  if (argc == 5 && std::strcmp(argv[1], runup::kEater) == 0) {
    return runup::eat(argv[2], static_cast<std::size_t>(std::atol(argv[3])), std::atoi(argv[4]));
  }
  return Catch::Session().run(argc, argv);
}
