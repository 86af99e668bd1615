// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace runup {

enum class ColourMode { automatic, always, never };

// What one output stream can show.
struct Terminal {
  bool is_terminal = false;
  bool colour = false;
  // columns; 0 when it is no terminal
  int width = 0;
};

// `automatic` is colour on a terminal, unless NO_COLOR is set to anything or TERM is `dumb`.
Terminal terminal_of(int fd, ColourMode mode);

// Writes everything. A reader that is gone (`| head`) is no error: nobody is left to be told.
Result<void> write_output(int fd, std::string_view text);
void print(std::string_view text);

// "runup: MESSAGE" on stderr.
void complain(std::string_view message);

// One line on stderr that is rewritten in place while work goes on; nothing unless stderr is a
// terminal. show() may be called from any thread.
class ProgressLine {
 public:
  explicit ProgressLine(const Terminal& terminal) : terminal_(terminal) {}
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void show(std::string_view text);
  void clear();

 private:
  Terminal terminal_;
  std::mutex mutex_;
  bool shown_ = false;
};

// From construction to destruction SIGINT, SIGTERM and SIGHUP set a flag instead of ending the
// process; a second one ends it at once. One object at a time.
class SignalWatch {
 public:
  SignalWatch();
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  static const std::atomic<bool>& flag();
};

// A pipe whose reader is gone becomes a failed write instead of the end of this process. Programs
// that are started later get the default back, which they would not with SIG_IGN.
void survive_broken_pipes();

}  // namespace runup
