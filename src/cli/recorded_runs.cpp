// SPDX-License-Identifier: Apache-2.0
#include "cli/recorded_runs.h"

#include <charconv>
#include <format>

#include "base/text.h"

namespace runup {

Result<History> open_recorded(const std::string& file) {
  auto history = History::open_to_read(file.empty() ? usual_history_path() : file);
  if (!history && history.error().code == ErrorCode::not_found) {
    history.error().message += "; `runup run --record` begins one, `--history FILE` names another";
  }
  return history;
}

std::optional<RunName> read_run_name(std::string_view word) {
  if (word == "last") {
    return RunName{};
  }
  if (word == "last-ready") {
    return RunName{.verdict = Verdict::ready};
  }
  word.remove_prefix(word.starts_with('#') ? 1 : 0);
  RunName name;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), name.number);
  const bool whole = error == std::errc() && end == word.data() + word.size();
  return whole && name.number > 0 ? std::optional(name) : std::nullopt;
}

std::string targets_text(const std::vector<std::string>& targets) {
  return targets.empty() ? "the history has no run"
                         : std::format("the history has runs of {}", join_quoted(targets, 10));
}

Result<std::int64_t> find_run(const History& history, const RunName& name, const std::string& target,
                              std::int64_t before) {
  if (name.number > 0) {
    return name.number;
  }
  const auto targets = history.targets();
  if (!targets) {
    return std::unexpected(targets.error());
  }
  if (target.empty() && targets->size() > 1) {
    return fail(ErrorCode::bad_input, targets_text(*targets) + "; name one of them: `--target NAME`");
  }
  History::Query query{.most = 1, .before = before, .verdict = name.verdict};
  if (!target.empty()) {
    query.target = target;
  }
  const auto runs = history.runs(query);
  if (!runs) {
    return std::unexpected(runs.error());
  }
  if (runs->empty()) {
    return fail(ErrorCode::not_found,
                std::format("there is no {}run{}{}{}", name.verdict ? "ready " : "",
                            target.empty() ? "" : std::format(" of `{}`", printable(target)),
                            before > 0 ? std::format(" before #{}", before) : "",
                            target.empty() || before > 0 ? "" : "; " + targets_text(*targets)));
  }
  return runs->front().run;
}

}  // namespace runup
