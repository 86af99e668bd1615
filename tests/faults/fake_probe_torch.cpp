// SPDX-License-Identifier: Apache-2.0
// Stands in for runup-probe-torch: speaks its protocol, and goes wrong in the way that $FAULT names at
// the step that $FAULT_AT names: start, load, random-1, random-2, zeros, ones, sample, latency, end,
// cold-start. With $FAULT_ONCE set to the name of a file, only the first process that comes there does.

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include "probes/protocol/channel.h"

namespace {

using namespace runup;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

void send_raw(const std::string& bytes) {
  [[maybe_unused]] const ssize_t sent = ::send(kProbeChannelFd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

[[noreturn]] void hang() {
  while (true) {
    std::this_thread::sleep_for(std::chrono::hours(1));
  }
}

[[noreturn]] void eat_memory() {
  while (true) {
    constexpr std::size_t kPart = std::size_t{8} << 20U;
    void* part = ::mmap(nullptr, kPart, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (part == MAP_FAILED) {
      hang();
    }
    std::memset(part, 1, kPart);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void flood() {
  const std::string line(4096, 'f');
  for (int i = 0; i < 20'000; ++i) {
    std::fputs(line.c_str(), stderr);
  }
}

// A process that left the session and the parent, keeps the channel open, and ignores signals.
void leave_daemon() {
  if (::fork() == 0) {
    ::setsid();
    if (::fork() != 0) {
      ::_exit(0);
    }
    ::signal(SIGTERM, SIG_IGN);
    ::signal(SIGHUP, SIG_IGN);
    hang();
  }
}

void misbehave(const std::string& fault) {
  if (fault == "segv") {
    std::fputs("about to fall over\n", stderr);
    ::raise(SIGSEGV);
  } else if (fault == "abort") {
    std::fputs("terminate called after throwing an instance of 'std::bad_alloc'\n", stderr);
    std::abort();
  } else if (fault == "exit") {
    std::fputs("libsomething.so: version mismatch\n", stderr);
    std::exit(3);
  } else if (fault == "hang") {
    hang();
  } else if (fault == "flood") {
    flood();
  } else if (fault == "flood-and-hang") {
    while (true) {
      flood();
    }
  } else if (fault == "memory") {
    eat_memory();
  } else if (fault == "garbage") {
    send_raw("GET / HTTP/1.1\r\nHost: nowhere\r\n\r\n");
    hang();
  } else if (fault == "wrong-json") {
    send_raw(std::string("\x0E\0\0\0", 4) + "{\"type\":\"what\"");
    hang();
  } else if (fault == "half-frame") {
    send_raw(std::string("\x40\0\0\0", 4) + "{\"type\":");
    std::exit(0);
  } else if (fault == "daemon") {
    leave_daemon();
    std::exit(0);
  } else if (fault == "daemon-and-go-on") {
    leave_daemon();
  } else if (fault == "quiet-exit") {
    std::exit(0);
  } else if (fault == "kill-supervisor") {
    ::kill(::getppid(), SIGKILL);
    hang();
  } else if (fault == "kill-runup") {
    // the supervisor's parent
    std::string stat(512, '\0');
    std::FILE* file = std::fopen(("/proc/" + std::to_string(::getppid()) + "/stat").c_str(), "r");
    stat.resize(std::fread(stat.data(), 1, stat.size(), file));
    ::kill(std::atoi(stat.c_str() + stat.rfind(')') + 4), SIGKILL);
    hang();
  }
}

void at_step(const std::string& step) {
  if (variable("FAULT_AT") != step) {
    return;
  }
  const std::string once = variable("FAULT_ONCE");
  if (!once.empty()) {
    const int file = ::open(once.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
    if (file < 0) {
      return;
    }
    ::close(file);
  }
  misbehave(variable("FAULT"));
}

template <class Facts>
Result<void> tell(Channel& channel, MessageType type, const Facts& facts) {
  return channel.send(encode(ProbeMessage{.type = type, .facts = encode(facts)}));
}

ExperimentFacts answer(const Experiment& asked) {
  ExperimentFacts facts{.asked = asked, .took = Duration::from_milliseconds(1)};
  if (asked.kind == ExperimentKind::latency) {
    facts.calls.assign(asked.count, Duration::from_milliseconds(1));
    return facts;
  }
  const double value = static_cast<double>(asked.seed) + 10 * static_cast<double>(asked.fill);
  facts.outputs.push_back({.name = "output[0]",
                           .dtype = "float32",
                           .shape = {1, 2},
                           .elements = 2,
                           .min = value,
                           .max = value + 1,
                           .mean = value + 0.5,
                           .first = {value, value + 1},
                           .top1 = {1},
                           .top1_probability = 0.73,
                           .sha256 = std::string(63, '0') + std::to_string(static_cast<int>(value) % 10)});
  return facts;
}

Result<void> serve(Channel& channel, const RuntimeRequest& request) {
  if (request.mode == RuntimeMode::cold_start) {
    at_step("cold-start");
    return tell(channel, MessageType::cold_start,
                ColdStartFacts{.runtime_start = Duration::from_milliseconds(3),
                               .load = Duration::from_milliseconds(2),
                               .first = Duration::from_milliseconds(1),
                               .cached = 1});
  }
  at_step("load");
  auto sent =
      tell(channel, MessageType::witness,
           WitnessFacts{.library = "fake", .version = "1", .device = "cpu", .form = "none", .threads = 1});
  if (sent) {
    sent =
        tell(channel, MessageType::load,
             LoadFacts{.stage = LoadStage::done, .devices = {"cpu"}, .took = Duration::from_milliseconds(2)});
  }
  for (const Experiment& asked : request.experiments) {
    if (!sent) {
      return sent;
    }
    at_step(asked.kind == ExperimentKind::latency ? "latency"
            : asked.fill == Fill::random          ? "random-" + std::to_string(asked.seed)
                                                  : std::string(enum_name(asked.fill)));
    sent = tell(channel, MessageType::experiment, answer(asked));
  }
  at_step("end");
  return sent;
}

}  // namespace

int main() {
  at_step("start");
  return serve_probe<RuntimeRequest>(serve);
}
