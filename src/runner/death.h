// SPDX-License-Identifier: Apache-2.0
#pragma once

// A process's end as the reason why something was not observed.

#include <string>
#include <string_view>

#include "facts/observed.h"
#include "probes/supervisor/supervisor.h"

namespace runup {

inline constexpr std::string_view kInterruptedWords = "the run was interrupted";

// "SIGSEGV"; "signal 64" for one without a name.
std::string signal_name(int signal);

// The last line that says something, on one line, bounded: what a dying program said of its death.
std::string last_words(std::string_view standard_error);

struct Death {
  // "the torch probe"
  std::string who;
  // "while loading the model"; may be empty
  std::string doing;
  // its executable, for a program that is not there
  std::string program;
  // what to do about a program that is not there
  std::string remedy;
  // the limits that it had
  Limits limits;
};

// Why a job that did not do its work ended: "the torch probe crashed (signal 11, SIGSEGV) while loading
// the model".
Absence describe_death(const Death& death, const JobEnd& end);

}  // namespace runup
