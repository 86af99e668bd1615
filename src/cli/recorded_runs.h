// SPDX-License-Identifier: Apache-2.0
#pragma once

// The runs of the history by the names that the command line gives them.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "history/history.h"

namespace runup {

// `file`, or where a history usually is when that is empty; for reading. An error says how to make one.
Result<History> open_recorded(const std::string& file);

// `42` or `#42`, `last`, `last-ready`.
struct RunName {
  // 0: the last run
  std::int64_t number = 0;
  // of the last run: the last with this verdict
  std::optional<Verdict> verdict;
};
std::optional<RunName> read_run_name(std::string_view word);

// The run of that name: of `target`, which may be empty where the history has one target, and before the run `before`
// unless that is 0. Errors: `not_found`; `bad_input` when the target has to be named.
Result<std::int64_t> find_run(const History& history, const RunName& name, const std::string& target,
                              std::int64_t before = 0);

// "the history has runs of `sign` and `face`"
std::string targets_text(const std::vector<std::string>& targets);

}  // namespace runup
