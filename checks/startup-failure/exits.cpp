// SPDX-License-Identifier: Apache-2.0
#include <format>

#include "check/served.h"
#include "judge.h"

namespace runup::checks::startup_failure {

namespace {

constexpr std::string_view kCommandKey = "service.command";
// So many processes more than the healthy start had were not its workers.
constexpr std::uint64_t kRestarts = 2;

}  // namespace

void judge_exit(Judge& judge, const DamagedStart& damaged, const ServiceEndFacts& end) {
  if (judge.promise && *judge.promise != OnMissingModel::exit) {
    judge.tell("not-as-promised", damaged,
               std::format("the server ends with {}; `on_missing_model` promises `{}`", end_words(end),
                           enum_name(*judge.promise)),
               "catch the failure of loading, go on and answer as promised, or promise `exit`",
               "service.on_missing_model");
    return;
  }
  if (end.status == 0 && end.signal == 0) {
    judge.tell("exits-with-success", damaged,
               "the server ends with exit status 0; expected another one: what starts it takes that for an "
               "end on purpose, and "
               "`restart: on-failure` does not start it again",
               "let the exception end the process, or call `sys.exit(1)`", kCommandKey);
  }
  if (failure_line(damaged.start->log, judge.served.healthy.log).empty()) {
    judge.tell(
        "exits-silently", damaged,
        std::format("the server ends with {}, and its log does not say why; expected the file and the error",
                    end_words(end)),
        "log the exception with its traceback before the process ends (`logger.exception`)", kCommandKey);
  }
}

void judge_silence(Judge& judge, const DamagedStart& damaged) {
  const StartFacts& start = *damaged.start;
  if (start.processes_seen >= judge.served.healthy.processes_seen + kRestarts) {
    judge.tell(
        "crash-loop", damaged,
        "the server starts processes that end again and again, answers nothing and does not end; expected it "
        "to end, or "
        "to answer 503",
        "let a worker that cannot load its model say so in its readiness, or let the server end with it",
        kCommandKey);
    return;
  }
  const AnswerFacts* readiness = last_answer(start, AskedFor::readiness);
  judge.tell("hangs", damaged,
             std::format("{}, and the server does not end in {}; expected it to end, or to answer 503",
                         start.listening && readiness != nullptr ? answer_words(*readiness)
                         : start.listening                       ? std::string("no path gave an answer")
                                                                 : std::string("no connection was accepted"),
                         format_duration(start.waited)),
             "bound every wait and retry of loading, and listen while the model loads", kCommandKey);
}

}  // namespace runup::checks::startup_failure
