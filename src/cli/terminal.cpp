// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <format>

#include "report/layout.h"

namespace runup {

namespace {

constexpr int kFallbackWidth = 80;
constexpr std::array kSignals{SIGINT, SIGTERM, SIGHUP};

std::atomic<bool> signalled{false};
static_assert(std::atomic<bool>::is_always_lock_free);

extern "C" void note_signal(int number) {
  if (signalled.exchange(true)) {
    // The reader insists. Everything that runs is ended by the supervisor, which sees us go.
    ::_exit(128 + number);
  }
  constexpr std::string_view kNotice = "\nrunup: interrupted; ending the probes (once more: stop at once)\n";
  const int before = errno;
  if (::isatty(STDERR_FILENO) == 1) {
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kNotice.data(), kNotice.size());
  }
  errno = before;
}

extern "C" void ignore_signal(int) {}

void handle(int number, void (*handler)(int)) {
  struct sigaction action{};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  ::sigaction(number, &action, nullptr);
}

int width_of(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    return size.ws_col;
  }
  if (const char* columns = std::getenv("COLUMNS")) {
    const std::string_view text = columns;
    int width = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), width);
    if (error == std::errc{} && width > 0) {
      return width;
    }
  }
  return kFallbackWidth;
}

bool wants_colour() {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  return (no_colour == nullptr || *no_colour == '\0') &&
         (term == nullptr || std::string_view(term) != "dumb");
}

}  // namespace

Terminal terminal_of(int fd, ColourMode mode) {
  Terminal terminal{.is_terminal = ::isatty(fd) == 1};
  terminal.width = terminal.is_terminal ? width_of(fd) : 0;
  terminal.colour =
      mode == ColourMode::always || (mode == ColourMode::automatic && terminal.is_terminal && wants_colour());
  return terminal;
}

Result<void> write_output(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written < 0 && errno == EPIPE) {
      return {};
    }
    if (written < 0) {
      return std::unexpected(system_error("cannot write the output", errno));
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

void print(std::string_view text) {
  if (auto written = write_output(STDOUT_FILENO, text); !written) {
    complain(written.error().describe());
  }
}

void complain(std::string_view message) {
  [[maybe_unused]] const auto written = write_output(STDERR_FILENO, std::format("runup: {}\n", message));
}

void ProgressLine::show(std::string_view text) {
  if (!terminal_.is_terminal || terminal_.width < 2) {
    return;
  }
  const std::string line = clip(one_line(text), static_cast<std::size_t>(terminal_.width - 1));
  const std::lock_guard lock(mutex_);
  shown_ = true;
  [[maybe_unused]] const auto written =
      write_output(STDERR_FILENO, "\r\x1b[2K" + paint(Tone::faint, line, terminal_.colour));
}

void ProgressLine::clear() {
  const std::lock_guard lock(mutex_);
  if (shown_) {
    shown_ = false;
    [[maybe_unused]] const auto written = write_output(STDERR_FILENO, "\r\x1b[2K");
  }
}

SignalWatch::SignalWatch() {
  signalled = false;
  for (const int number : kSignals) {
    handle(number, note_signal);
  }
}

SignalWatch::~SignalWatch() {
  for (const int number : kSignals) {
    handle(number, SIG_DFL);
  }
}

const std::atomic<bool>& SignalWatch::flag() { return signalled; }

void survive_broken_pipes() { handle(SIGPIPE, ignore_signal); }

}  // namespace runup
