// SPDX-License-Identifier: Apache-2.0
#include "check/check.h"

#include <algorithm>
#include <array>
#include <format>

#include "base/text.h"
#include "check/served.h"
#include "check/wording.h"

namespace runup::checks::service_stop {

struct Options {
  std::optional<Duration> grace;
  static constexpr auto fields() {
    return std::tuple{
        Field{"grace", &Options::grace,
              "time between SIGTERM and SIGKILL; by default the shortest that the package's files say, else "
              "Docker's 10 s"}};
  }
};

constexpr std::array kFindings{
    FindingInfo{"ignores-sigterm", Severity::error,
                "processes are left after the time that the platform waits"},
    FindingInfo{"late", Severity::error, "the server ends later than the platform waits"},
    FindingInfo{"loses-request", Severity::warning,
                "a request that was being answered is lost when the server is told to stop"}};

namespace {

// How long a platform waits before it kills, and who says so.
struct Grace {
  Duration time = kDockerGrace;
  std::string from = "Docker's default";
  Location where = {.file = {}, .key = "checks.service-stop.grace", .line = {}};
};

Grace grace_of(const Facts& facts, const Options& options) {
  Grace grace;
  if (options.grace) {
    grace.time = *options.grace;
    grace.from = "`grace`";
    return grace;
  }
  bool found = false;
  if (facts.package) {
    for (const PatienceFacts& patience : facts.package->patience) {
      if (patience.kind == PatienceKind::stop && (!found || patience.time < grace.time)) {
        found = true;
        grace = {.time = patience.time,
                 .from = std::format("{} in `{}`", patience.words, patience.file),
                 .where = {.file = patience.file, .key = {}, .line = patience.line}};
      }
    }
  }
  return grace;
}

std::string_view moment_words(StopMoment moment) {
  using enum StopMoment;
  return moment == loading      ? "while it loaded"
         : moment == prediction ? "during a prediction"
                                : "while it was idle";
}

struct Judge {
  const Grace& grace;
  Judgement& judgement;
  std::vector<std::string> untold;
  std::size_t stops = 0;

  void add(std::string_view id, std::string message, std::string fix) {
    judgement.findings.push_back(
        make_finding(kFindings, id, std::move(message), std::move(fix), grace.where));
  }

  void judge_left(const StopFacts& stop) {
    const std::string names = stop.left.empty() ? std::string("processes") : join_quoted(stop.left, 5);
    if (stop.patience < grace.time) {
      untold.push_back(std::format("told to stop {}, {} were left after {}, and the platform waits {}",
                                   moment_words(stop.moment), names, format_duration(stop.patience),
                                   format_duration(grace.time)));
      return;
    }
    add("ignores-sigterm",
        std::format("told to stop {}, the server left {} after {}; expected none after {} ({})",
                    moment_words(stop.moment), names, format_duration(stop.patience),
                    format_duration(grace.time), grace.from),
        stop.moment == StopMoment::loading
            ? "load the model where a signal can interrupt it (a thread, with Python's default handlers), or "
              "start the server "
              "with `exec` so that it gets the signal"
            : "start the server with `exec` so that it gets the signal, and end its workers with it");
  }

  void judge_stop(const StopFacts& stop) {
    ++stops;
    judgement.saw(std::format("stop {}", moment_words(stop.moment)),
                  stop.took ? std::format("{} of {} ({})", format_duration(*stop.took),
                                          format_duration(grace.time), grace.from)
                            : std::format("not within {}", format_duration(stop.patience)));
    if (!stop.took) {
      judge_left(stop);
    } else if (*stop.took > grace.time) {
      add("late",
          std::format("told to stop {}, the server took {}; expected at most {} ({})",
                      moment_words(stop.moment), format_duration(*stop.took), format_duration(grace.time),
                      grace.from),
          "bound the time for open requests (`uvicorn --timeout-graceful-shutdown`, `gunicorn "
          "--graceful-timeout`), or let "
          "the platform wait longer");
    }
    if (stop.answer && !is_2xx(*stop.answer)) {
      add("loses-request",
          std::format(
              "told to stop {}, the server did not end the request that it was answering: {}; expected 2xx",
              moment_words(stop.moment), answer_words(*stop.answer)),
          "let open requests end before the server closes: no `sys.exit` in a signal handler, a graceful "
          "time-out longer than "
          "a prediction");
    }
  }
};

}  // namespace

Judgement judge(const Facts& facts, const Options& options) {
  if (auto without = without_served(facts)) {
    return *std::move(without);
  }
  if (auto blocked = blocked_by_health(facts)) {
    return Judgement::cannot_tell(*std::move(blocked));
  }
  const ServiceFacts& served = *facts.served;
  Judgement judgement;
  const Grace grace = grace_of(facts, options);
  Judge judge{grace, judgement, {}};
  for (const StopFacts& stop : served.healthy.stops) {
    judge.judge_stop(stop);
  }
  if (judge.stops == 0) {
    judge.untold.emplace_back("the stop of the ready server was not observed");
  }
  if (!served.interrupted) {
    judge.untold.push_back(
        absence_text("the stop while it loads", served.interrupted.absence.value_or(Absence{})));
  } else if (served.interrupted->stops.empty()) {
    judge.untold.emplace_back("the stop while it loads was not observed");
  } else {
    for (const StopFacts& stop : served.interrupted->stops) {
      judge.judge_stop(stop);
    }
  }
  if (!judge.untold.empty()) {
    judgement.undecided = join(judge.untold, "; ");
  }
  return judgement;
}

extern const CheckInfo kCheck;
const CheckInfo kCheck =
    define_check<Options, judge>("service-stop", kFindings, {.package = true, .service = true});

}  // namespace runup::checks::service_stop
