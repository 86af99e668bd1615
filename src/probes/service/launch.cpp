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
#include <csignal>
#include <cstring>
#include <format>
#include <optional>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "probes/sandbox/sandbox.h"
#include "probes/supervisor/processes.h"

namespace runup {

namespace {

constexpr std::string_view kHost = "127.0.0.1";
constexpr std::size_t kLogHead = 16 * 1024;
constexpr std::size_t kLogTail = 48 * 1024;
constexpr std::size_t kMostSeen = 100'000;
constexpr int kNotExecuted = 127;
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

bool can_execute(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && ::access(path.c_str(), X_OK) == 0;
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

[[noreturn]] void become_service(const ServiceRequest& request, std::vector<std::string> words, int output,
                                 int report) {
  const auto give_up = [&](std::string text) {
    [[maybe_unused]] const ssize_t ignored = ::write(report, text.data(), text.size());
    ::_exit(kNotExecuted);
  };
  ::setsid();
  const int nowhere = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(nowhere, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
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
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  ::execvp(argv.front(), argv.data());
  give_up(std::format("!`{}` cannot be started: {}", printable(words.front()), std::strerror(errno)));
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

// It has ended, and only its parent has not asked how.
bool is_zombie(pid_t process) {
  const auto text = read_small_file(std::format("/proc/{}/stat", process));
  const std::size_t name_end = text.rfind(')');
  return name_end == std::string::npos || text.substr(name_end).starts_with(") Z");
}

void set_environment(const ServiceRequest& request, std::uint16_t port) {
  const std::string home = request.scratch + "/home";
  const std::string temporary = request.scratch + "/tmp";
  ::mkdir(home.c_str(), 0700);
  ::mkdir(temporary.c_str(), 0700);
  ::setenv("HOME", home.c_str(), 1);
  ::setenv("TMPDIR", temporary.c_str(), 1);
  ::setenv("PYTHONDONTWRITEBYTECODE", "1", 1);
  // so that the log has every line, also of a process that is killed
  ::setenv("PYTHONUNBUFFERED", "1", 1);
  // Where the port is not in the command, hosts give it by this.
  ::setenv("PORT", std::to_string(port).c_str(), 0);
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
  } else if (std::ranges::find(kModules, first) != kModules.end() && !can_execute(beside)) {
    words.front() = interpreter;
    words.insert(words.begin() + 1, {"-m", first});
  }
  return words;
}

Result<LaunchedService> launch(const ServiceRequest& request, std::uint16_t port,
                               std::vector<std::string>& unprotected) {
  std::string command = request.command;
  replace_all(command, "{host}", kHost);
  replace_all(command, "{port}", std::to_string(port));
  const std::vector<std::string> words = words_of_command(command, request.interpreter);
  set_environment(request, port);
  std::array<int, 2> output{-1, -1};
  std::array<int, 2> report{-1, -1};
  if (::pipe2(output.data(), O_CLOEXEC) != 0 || ::pipe2(report.data(), O_CLOEXEC) != 0) {
    return std::unexpected(system_error("cannot make a pipe", errno));
  }
  LaunchedService service{.output = FileDescriptor(output[0]), .command = join(words, " ")};
  FileDescriptor output_end(output[1]);
  const FileDescriptor report_start(report[0]);
  FileDescriptor report_end(report[1]);
  ::fcntl(service.output.get(), F_SETFL, O_NONBLOCK);
  service.process = ::fork();
  if (service.process < 0) {
    return std::unexpected(system_error("cannot make a process", errno));
  }
  if (service.process == 0) {
    become_service(request, words, output_end.get(), report_end.get());
  }
  output_end = FileDescriptor();
  report_end = FileDescriptor();
  for (const std::string& line : split(read_to_end(report_start.get()), '\n')) {
    if (line.starts_with('!')) {
      return fail(ErrorCode::not_found, line.substr(1));
    }
    if (!line.empty()) {
      unprotected.push_back(line);
    }
  }
  return service;
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

ProcessWatch::ProcessWatch(pid_t main) : main_(main) {
  others_ = children_of(::getpid());
  std::erase(others_, main);
}

void ProcessWatch::look() {
  int status = 0;
  pid_t ended = 0;
  while ((ended = ::waitpid(-1, &status, WNOHANG | __WALL)) > 0) {
    seen_.insert(ended);
    if (ended == main_) {
      main_status_ = status;
    }
  }
  running_.clear();
  std::vector<pid_t> found = children_of(::getpid());
  for (std::size_t i = 0; i < found.size() && found.size() < kMostSeen; ++i) {
    if (std::ranges::find(others_, found[i]) != others_.end() || is_zombie(found[i])) {
      continue;
    }
    running_.push_back(found[i]);
    if (seen_.size() < kMostSeen) {
      seen_.insert(found[i]);
    }
    const std::vector<pid_t> below = children_of(found[i]);
    found.insert(found.end(), below.begin(), below.end());
  }
}

std::string process_name(pid_t process) {
  return std::string(trim(read_small_file(std::format("/proc/{}/comm", process))));
}

}  // namespace runup
