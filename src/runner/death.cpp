// SPDX-License-Identifier: Apache-2.0
#include "runner/death.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <format>
#include <system_error>

#include "base/text.h"
#include "check/wording.h"

namespace runup {

namespace {

constexpr std::size_t kMaxWords = 200;

std::string clause(const std::string& doing) { return doing.empty() ? "" : " " + doing; }

std::string quoted_words(std::string_view standard_error) {
  const std::string words = last_words(standard_error);
  return words.empty() ? "" : "; its last words: " + excerpt(words, kMaxWords);
}

Absence killed(const Death& death, const JobEnd& end) {
  const std::string name = signal_name(end.code);
  // The C++ library's way to say that memory ran out, and Python's.
  const bool no_memory =
      end.stderr_tail.contains("std::bad_alloc") || end.stderr_tail.contains("MemoryError");
  if (no_memory) {
    return {.kind = AbsenceKind::out_of_memory,
            .detail = std::format("{} ran out of memory{} (signal {}, {})", death.who, clause(death.doing),
                                  end.code, name)};
  }
  if (end.code == SIGKILL) {
    return {.kind = AbsenceKind::crashed,
            .detail = std::format("{} was killed (signal 9, SIGKILL){}, by somebody else or by the kernel "
                                  "for want of memory",
                                  death.who, clause(death.doing))};
  }
  return {.kind = AbsenceKind::crashed,
          .detail = std::format("{} crashed (signal {}, {}){}{}", death.who, end.code, name,
                                clause(death.doing), quoted_words(end.stderr_tail))};
}

Absence not_started(const Death& death, const JobEnd& end) {
  const std::string why = std::generic_category().message(end.code);
  const bool absent = end.code == ENOENT || end.code == EACCES || end.code == ENOEXEC || end.code == ENOTDIR;
  std::string detail = std::format("{} could not be started: `{}`: {}", death.who, death.program, why);
  if (absent && !death.remedy.empty()) {
    detail += "; " + death.remedy;
  }
  return {.kind = absent ? AbsenceKind::missing : AbsenceKind::crashed, .detail = std::move(detail)};
}

Absence exited(const Death& death, const JobEnd& end) {
  // What the dynamic linker says, with status 127.
  const bool no_library = end.stderr_tail.contains("error while loading shared libraries");
  return {.kind = no_library ? AbsenceKind::missing : AbsenceKind::crashed,
          .detail = std::format("{} ended with status {}{}{}", death.who, end.code, clause(death.doing),
                                quoted_words(end.stderr_tail))};
}

Absence without_log(const Death& death, const JobEnd& end) {
  switch (end.kind) {
    case EndKind::exited:
      return exited(death, end);
    case EndKind::killed_by_signal:
      return killed(death, end);
    case EndKind::timed_out:
      return {.kind = AbsenceKind::timed_out,
              .detail = std::format("{} did not end within {}{}", death.who,
                                    format_duration(death.limits.deadline), clause(death.doing))};
    case EndKind::out_of_memory:
      return {.kind = AbsenceKind::out_of_memory,
              .detail = std::format("{} used {} of memory{}; at most {} is allowed", death.who,
                                    format_bytes(end.peak_resident_bytes), clause(death.doing),
                                    format_bytes(death.limits.resident_bytes))};
    case EndKind::too_much_output:
      return {.kind = AbsenceKind::garbled,
              .detail = std::format("{} wrote more than {} to stdout{}", death.who,
                                    format_bytes(death.limits.stdout_bytes), clause(death.doing))};
    case EndKind::not_started:
      return not_started(death, end);
    case EndKind::supervisor_lost:
      return {.kind = AbsenceKind::crashed,
              .detail = std::format("the supervisor of runup's processes was killed, and {} with it{}",
                                    death.who, clause(death.doing))};
    case EndKind::interrupted:
      break;
  }
  return {.kind = AbsenceKind::blocked, .detail = std::string(kInterruptedWords)};
}

}  // namespace

std::string signal_name(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name == nullptr ? "signal " + std::to_string(signal) : std::string("SIG") + name;
}

std::string last_words(std::string_view standard_error) {
  std::string_view rest = trim(standard_error);
  const std::size_t line = rest.rfind('\n');
  rest = line == std::string_view::npos ? rest : rest.substr(line + 1);
  return printable(trim(rest.substr(0, 4 * kMaxWords)));
}

Absence describe_death(const Death& death, const JobEnd& end) {
  Absence absence = without_log(death, end);
  absence.log = end.stderr_tail;
  return absence;
}

}  // namespace runup
