// SPDX-License-Identifier: Apache-2.0
#include "probes/service/launch.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <format>
#include <optional>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/text.h"
#include "probes/sandbox/sandbox.h"
#include "probes/service/passing.h"
#include "probes/supervisor/processes.h"

namespace runup {

namespace {

constexpr std::string_view kHost = "127.0.0.1";
constexpr std::size_t kLogHead = 16 * 1024;
constexpr std::size_t kLogTail = 48 * 1024;
constexpr std::size_t kMostSeen = 100'000;
constexpr int kNotExecuted = 127;
constexpr int kFirstFree = 20;
constexpr std::size_t kLongestNews = 256;
// What a shell does more than splitting into words and taking off quotes with: outside of quotes, and inside of double
// ones.
constexpr std::string_view kOfShells = "|&;<>()$`\\*?[]#~\n";
constexpr std::string_view kOfDoubleQuotes = "$`\\";
// Servers that are modules as well: `python -m uvicorn` is the same as `uvicorn`.
constexpr std::array<std::string_view, 5> kModules{"uvicorn", "gunicorn", "flask", "hypercorn", "fastapi"};

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
}

std::string folder_of_program(const std::string& path) { return path.substr(0, path.rfind('/')); }

// The words of a command that needs no shell; nothing when it needs one.
std::optional<std::vector<std::string>> plain_words(std::string_view command) {
  std::vector<std::string> words;
  std::optional<std::string> word;
  char quote = 0;
  for (const char c : command) {
    if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else if (quote == '"' && kOfDoubleQuotes.contains(c)) {
        return std::nullopt;
      } else {
        *word += c;
      }
    } else if (c == ' ' || c == '\t') {
      if (word) {
        words.push_back(*std::exchange(word, std::nullopt));
      }
    } else if (kOfShells.contains(c)) {
      return std::nullopt;
    } else {
      word = word.value_or("");
      if (c == '\'' || c == '"') {
        quote = c;
      } else {
        *word += c;
      }
    }
  }
  if (word) {
    words.push_back(*word);
  }
  return quote != 0 || words.empty() ? std::nullopt : std::optional(words);
}

// Root reads every file; a server that may not do so must not either.
bool drop_reading_rights() {
  return ::geteuid() != 0 || (::prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0) == 0 &&
                              ::prctl(PR_CAPBSET_DROP, CAP_DAC_READ_SEARCH, 0, 0, 0) == 0);
}

// From then on nothing else has the number of one that is kept.
int move_high(int descriptor) { return ::fcntl(descriptor, F_DUPFD_CLOEXEC, kFirstFree); }

[[noreturn]] void become_program(const ServiceRequest& request, Program program, int report) {
  const auto give_up = [&](std::string text) {
    [[maybe_unused]] const ssize_t ignored = ::write(report, text.data(), text.size());
    ::_exit(kNotExecuted);
  };
  ::setsid();
  report = move_high(report);
  for (int& descriptor : program.descriptors) {
    descriptor = move_high(descriptor);
  }
  const int nowhere = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(nowhere, STDIN_FILENO);
  ::dup2(program.output, STDOUT_FILENO);
  ::dup2(program.output, STDERR_FILENO);
  for (std::size_t i = 0; i < program.descriptors.size(); ++i) {
    ::dup2(program.descriptors[i], STDERR_FILENO + 1 + static_cast<int>(i));
  }
  if (::chdir(request.folder.c_str()) != 0) {
    give_up(std::format("!cannot enter `{}`: {}", request.folder, std::strerror(errno)));
  }
  std::vector<std::string> writable = request.writable;
  writable.push_back(request.scratch);
  for (const std::string& off : enter_sandbox({.writable = writable, .network = true, .gpu = true})) {
    const std::string line = off + "\n";
    [[maybe_unused]] const ssize_t ignored = ::write(report, line.data(), line.size());
  }
  if (request.damage == Damage::unreadable && !drop_reading_rights()) {
    give_up("!root reads every file here, so that no file is unreadable");
  }
  std::vector<char*> argv;
  for (std::string& word : program.words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  ::execvp(argv.front(), argv.data());
  give_up(std::format("!`{}` cannot be started: {}", printable(program.words.front()), std::strerror(errno)));
  std::unreachable();
}

// Of /proc, whose files have no size.
std::string read_small_file(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 1024> part{};
  const ssize_t count = file ? ::read(file.get(), part.data(), part.size()) : 0;
  return {part.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0))};
}

std::string read_to_end(int descriptor) {
  std::string text;
  std::array<char, 4096> part{};
  ssize_t count = 0;
  while ((count = ::read(descriptor, part.data(), part.size())) > 0 || (count < 0 && errno == EINTR)) {
    text.append(part.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  }
  return text;
}

// False for one that is gone.
bool is_in_our_network(pid_t process) {
  struct stat own{};
  struct stat other{};
  return ::stat("/proc/self/ns/net", &own) == 0 &&
         ::stat(std::format("/proc/{}/ns/net", process).c_str(), &other) == 0 && own.st_ino == other.st_ino &&
         own.st_dev == other.st_dev;
}

// It has ended, and only its parent has not asked how.
bool is_zombie(pid_t process) {
  const auto text = read_small_file(std::format("/proc/{}/stat", process));
  const std::size_t name_end = text.rfind(')');
  return name_end == std::string::npos || text.substr(name_end).starts_with(") Z");
}

// /proc/PID/schedstat: time on a processor, time in the queue for one, and how often, of the main thread (Linux,
// Documentation/scheduler/sched-stats.rst).
std::int64_t time_in_queue(pid_t process) {
  const std::string text = read_file(std::format("/proc/{}/schedstat", process), 200).value_or("");
  const std::size_t blank = text.find(' ');
  std::int64_t nanoseconds = 0;
  if (blank != std::string::npos) {
    std::from_chars(text.data() + blank + 1, text.data() + text.size(), nanoseconds);
  }
  return nanoseconds;
}

}  // namespace

std::vector<std::string> words_of_command(const std::string& command, const std::string& interpreter) {
  const auto plain = plain_words(command);
  if (!plain) {
    return {"/bin/sh", "-c", command};
  }
  std::vector<std::string> words = *plain;
  if (words.front() == "exec" && words.size() > 1) {
    words.erase(words.begin());
  }
  if (words.front().contains('=')) {
    // `NAME=value` before a program.
    words.insert(words.begin(), "env");
    return words;
  }
  const std::string first = words.front();
  const std::string beside = folder_of_program(interpreter) + "/" + first;
  if (first == "python" || first == "python3") {
    words.front() = interpreter;
  } else if (std::ranges::find(kModules, first) != kModules.end() && !is_program(beside)) {
    words.front() = interpreter;
    words.insert(words.begin() + 1, {"-m", first});
  }
  return words;
}

std::map<std::string, std::string> environment_of_start(const ServiceRequest& request, std::uint16_t port) {
  std::map<std::string, std::string> variables{
      {"HOME", request.scratch + "/home"},
      {"TMPDIR", request.scratch + "/tmp"},
      {"PYTHONDONTWRITEBYTECODE", "1"},
      // so that the log has every line, also of a process that is killed
      {"PYTHONUNBUFFERED", "1"}};
  for (const char* folder : {"HOME", "TMPDIR"}) {
    ::mkdir(variables[folder].c_str(), 0700);
  }
  // Where the port is not in the command, hosts give it by this.
  if (::getenv("PORT") == nullptr) {
    variables["PORT"] = std::to_string(port);
  }
  return variables;
}

std::vector<std::string> words_of_start(const ServiceRequest& request, std::uint16_t port) {
  std::string command = request.command;
  replace_all(command, "{host}", kHost);
  replace_all(command, "{port}", std::to_string(port));
  return words_of_command(command, request.interpreter);
}

Result<pid_t> launch_program(const ServiceRequest& request, const Program& program,
                             std::vector<std::string>& unprotected) {
  std::array<int, 2> report{-1, -1};
  if (::pipe2(report.data(), O_CLOEXEC) != 0) {
    return std::unexpected(system_error("cannot make a pipe", errno));
  }
  const FileDescriptor report_start(report[0]);
  FileDescriptor report_end(report[1]);
  const pid_t process = ::fork();
  if (process < 0) {
    return std::unexpected(system_error("cannot make a process", errno));
  }
  if (process == 0) {
    become_program(request, program, report_end.get());
  }
  report_end = FileDescriptor();
  for (const std::string& line : split(read_to_end(report_start.get()), '\n')) {
    if (line.starts_with('!')) {
      return fail(ErrorCode::not_found, line.substr(1));
    }
    if (!line.empty()) {
      unprotected.push_back(line);
    }
  }
  return process;
}

Result<OutputPipe> make_output_pipe() {
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return std::unexpected(system_error("cannot make a pipe", errno));
  }
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return OutputPipe{.read = FileDescriptor(ends[0]), .write = FileDescriptor(ends[1])};
}

Result<LaunchedService> launch(const ServiceRequest& request, std::uint16_t port,
                               std::vector<std::string>& unprotected) {
  const std::vector<std::string> words = words_of_start(request, port);
  for (const auto& [name, value] : environment_of_start(request, port)) {
    ::setenv(name.c_str(), value.c_str(), 1);
  }
  auto output = make_output_pipe();
  if (!output) {
    return std::unexpected(output.error());
  }
  auto process = launch_program(request, {.words = words, .output = output->write.get()}, unprotected);
  if (!process) {
    return std::unexpected(process.error());
  }
  return LaunchedService{.process = *process, .output = std::move(output->read), .command = join(words, " ")};
}

LogReader::LogReader(FileDescriptor pipe) : pipe_(std::move(pipe)), capture_(kLogHead, kLogTail) {
  thread_ = std::jthread([this](const std::stop_token& stop) {
    std::vector<char> buffer(std::size_t{256} * 1024);
    while (!stop.stop_requested()) {
      pollfd polled{.fd = pipe_.get(), .events = POLLIN, .revents = 0};
      if (::poll(&polled, 1, 100) <= 0) {
        continue;
      }
      const ssize_t count = ::read(pipe_.get(), buffer.data(), buffer.size());
      if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) {
        return;
      }
      if (count > 0) {
        const std::lock_guard lock(mutex_);
        capture_.append({buffer.data(), static_cast<std::size_t>(count)});
      }
    }
  });
}

std::string LogReader::text() const {
  const std::lock_guard lock(mutex_);
  return capture_.text();
}

std::uint64_t LogReader::bytes() const {
  const std::lock_guard lock(mutex_);
  return capture_.seen();
}

ProcessWatch::ProcessWatch(pid_t main, ForkedBy forked_by) : main_(main), forked_by_(std::move(forked_by)) {
  if (forked_by_.keeper == 0) {
    others_ = children_of(::getpid());
    std::erase(others_, main);
  }
}

Duration ProcessWatch::queued() const {
  Duration all;
  for (const auto& [process, nanoseconds] : queued_) {
    all += Duration{nanoseconds};
  }
  return all;
}

void ProcessWatch::look() {
  struct Found {
    pid_t process = 0;
    bool ours = false;
  };
  const bool forked = forked_by_.keeper != 0;
  forked ? hear_of_end() : reap();
  running_.clear();
  std::vector<Found> found;
  const auto add_children = [&](pid_t parent, bool ours) {
    for (const pid_t child : children_of(parent)) {
      if (found.size() < kMostSeen && std::ranges::find(others_, child) == others_.end()) {
        found.push_back({.process = child, .ours = ours});
      }
    }
  };
  add_children(forked ? forked_by_.keeper : ::getpid(), !forked);
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto [process, below_ours] = found[i];
    if (is_zombie(process)) {
      continue;
    }
    const bool ours = below_ours || is_in_our_network(process);
    if (ours) {
      running_.push_back(process);
    }
    if (ours && (queued_.size() < kMostSeen || queued_.contains(process))) {
      std::int64_t& queued = queued_[process];
      queued = std::max(queued, time_in_queue(process));
    }
    add_children(process, ours);
  }
}

void ProcessWatch::reap() {
  int status = 0;
  pid_t ended = 0;
  while ((ended = ::waitpid(-1, &status, WNOHANG | __WALL)) > 0) {
    queued_.try_emplace(ended, 0);
    if (ended == main_) {
      main_status_ = status;
    }
  }
}

void ProcessWatch::hear_of_end() {
  const PassedMessage message = receive_message(forked_by_.news.get(), kLongestNews, MSG_DONTWAIT);
  if (message.text.empty()) {
    return;
  }
  const auto news = parse_json(message.text, kLongestNews);
  if (news && news->is_object() && news->contains("ended") && (*news)["ended"].is_number_integer()) {
    main_status_ = (*news)["ended"].get<int>();
  }
}

std::string process_name(pid_t process) {
  return std::string(trim(read_small_file(std::format("/proc/{}/comm", process))));
}

}  // namespace runup
