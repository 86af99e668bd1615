// SPDX-License-Identifier: Apache-2.0
#include "check/check.h"

#include <algorithm>
#include <array>
#include <format>

#include "base/text.h"
#include "check/served.h"
#include "check/wording.h"
#include "log_times.h"

namespace runup::checks::startup_time {

struct Options {
  std::optional<Duration> ready;
  std::optional<Duration> first;
  double factor = 2;
  static constexpr auto fields() {
    return std::tuple{
        Field{"ready", &Options::ready, "longest time from the start until the server is ready"},
        Field{"first", &Options::first, "longest time from the start until the first prediction is answered"},
        Field{"factor", &Options::factor, "how many times the measured time a platform must wait",
              Rule{.min = 1, .max = 100}}};
  }
};

constexpr std::array kFindings{
    FindingInfo{"over-budget", Severity::error,
                "the server is ready, or has predicted, later than its budget"},
    FindingInfo{"exceeds-patience", Severity::error, "the server is ready later than the platform waits"},
    FindingInfo{"request-exceeds-patience", Severity::error,
                "the first prediction takes longer than its worker may be silent"},
    FindingInfo{"near-patience", Severity::warning, "the platform waits hardly longer than the server needs"},
    FindingInfo{"slow-first-request", Severity::warning,
                "the first prediction takes long, since something is done only then"},
    FindingInfo{"loaded-per-worker", Severity::note, "each worker loads the model for itself"},
    FindingInfo{"load-time-untold", Severity::note, "the log does not say how long loading took"}};

namespace {

// One start was measured; another may take this part more or less.
constexpr double kNoise = 0.2;
constexpr Duration kSlowFirst = Duration::from_milliseconds(1000);
constexpr std::uint64_t kWorkersProcesses = 3;

struct Judge {
  const Facts& facts;
  const Options& options;
  Judgement& judgement;
  const StartFacts& start;
  Duration ready;
  std::vector<std::string> untold;

  Finding& add(std::string_view id, std::string message, std::string fix, Location where) {
    judgement.findings.push_back(
        make_finding(kFindings, id, std::move(message), std::move(fix), std::move(where)));
    return judgement.findings.back();
  }
};

void judge_budget(Judge& judge, std::string_view what, std::string_view option, Duration measured,
                  std::optional<Duration> budget) {
  judge.judgement.saw(std::string(what),
                      budget ? std::format("{} of {}", format_duration(measured), format_duration(*budget))
                             : format_duration(measured));
  if (!budget || measured.seconds() < budget->seconds() * (1 - kNoise)) {
    return;
  }
  if (measured.seconds() <= budget->seconds() * (1 + kNoise)) {
    judge.untold.push_back(std::format(
        "{} was after {}, too near to the budget of {} to judge; one start differs from the next by {:.0f} %",
        what, format_duration(measured), format_duration(*budget), kNoise * 100));
    return;
  }
  judge.add("over-budget",
            std::format("{} was after {}; its budget is {}", what, format_duration(measured),
                        format_duration(*budget)),
            "import less before the model is loaded, store the weights alone and load them with `mmap=True`, "
            "or raise the "
            "budget together with the platform's time",
            {.file = {}, .key = std::format("checks.startup-time.{}", option), .line = {}});
}

void judge_patience(Judge& judge) {
  if (!judge.facts.package) {
    judge.untold.push_back(
        absence_text("how long the platform waits", judge.facts.package.absence.value_or(Absence{})));
    return;
  }
  std::vector<const PatienceFacts*> starts;
  for (const PatienceFacts& patience : judge.facts.package->patience) {
    if (patience.kind == PatienceKind::start) {
      starts.push_back(&patience);
    }
  }
  if (starts.empty()) {
    return;
  }
  std::ranges::stable_sort(starts, {}, [](const PatienceFacts* patience) { return patience->time; });
  const PatienceFacts& shortest = *starts.front();
  judge.judgement.saw("the platform waits", std::format("{} ({} in `{}`)", format_duration(shortest.time),
                                                        shortest.words, shortest.file));
  const bool over = judge.ready > shortest.time;
  if (!over && judge.ready.seconds() * judge.options.factor <= shortest.time.seconds()) {
    return;
  }
  const std::string seen =
      std::format("the server was ready after {}, and the platform waits {} ({})",
                  format_duration(judge.ready), format_duration(shortest.time), shortest.words);
  Finding& finding = judge.add(
      over ? "exceeds-patience" : "near-patience",
      over ? seen + ": it is restarted before it is ready, for ever"
           : std::format(
                 "{}; expected at least {:g} times the measured time, for a slower disk and a busier machine",
                 seen, judge.options.factor),
      std::format("let the platform wait at least {}: a `startupProbe` in Kubernetes, `start_period` in "
                  "Compose",
                  format_duration(Duration::from_seconds(judge.ready.seconds() * judge.options.factor))),
      {.file = shortest.file, .key = {}, .line = shortest.line});
  for (std::size_t i = 1; i < std::min<std::size_t>(starts.size(), 5); ++i) {
    finding.evidence.push_back(
        {.name = std::format("{}:{}", starts[i]->file, starts[i]->line),
         .value = std::format("{} ({})", format_duration(starts[i]->time), starts[i]->words)});
  }
}

// The fastest prediction after the first; nothing when there was one only.
std::optional<Duration> warm_prediction(const StartFacts& start, const AnswerFacts* first) {
  std::optional<Duration> warm;
  for (const AnswerFacts& answer : start.answers) {
    if (answer.asked_for == AskedFor::predict && is_2xx(answer) && &answer != first &&
        (!warm || answer.took < *warm)) {
      warm = answer.took;
    }
  }
  return warm;
}

// A worker of gunicorn that is silent during a request for longer than its time is killed.
void judge_request_patience(Judge& judge, const AnswerFacts& first) {
  const PatienceFacts* shortest = nullptr;
  if (!judge.facts.package) {
    return;
  }
  for (const PatienceFacts& patience : judge.facts.package->patience) {
    if (patience.kind == PatienceKind::request && (shortest == nullptr || patience.time < shortest->time)) {
      shortest = &patience;
    }
  }
  if (shortest != nullptr && first.took > shortest->time) {
    judge.add("request-exceeds-patience",
              std::format("the first prediction took {}, and its worker is killed after {} ({})",
                          format_duration(first.took), format_duration(shortest->time), shortest->words),
              "load the model before the first request, or give requests more time",
              {.file = shortest->file, .key = {}, .line = shortest->line});
  }
}

void judge_first_request(Judge& judge) {
  const AnswerFacts* first = first_good_answer(judge.start, AskedFor::predict);
  if (first == nullptr) {
    return;
  }
  judge.judgement.saw("first prediction", "took " + format_duration(first->took));
  judge_request_patience(judge, *first);
  const OpenedByServiceFacts* model = opened_model(judge.facts, judge.start);
  const bool lazily = model != nullptr && model->at > judge.ready;
  const std::optional<Duration> warm = warm_prediction(judge.start, first);
  const bool always_slow = warm && first->took.seconds() < 2 * warm->seconds();
  if (first->took <= kSlowFirst || always_slow ||
      (!lazily && first->took.seconds() * 2 <= judge.ready.seconds())) {
    return;
  }
  judge.add(
      "slow-first-request",
      std::format("the first prediction took {}, after {} until the server was ready{}{}; expected the "
                  "waiting before it "
                  "is ready",
                  format_duration(first->took), format_duration(judge.ready),
                  warm ? std::format(", and a later one {}", format_duration(*warm)) : std::string(),
                  lazily ? std::format(": `{}` was opened only then", shown_path(judge.facts, model->path))
                         : std::string()),
      "load the model at the start and predict once on an example before the server says that it is ready",
      model_location(judge.facts));
}

void judge_memory(Judge& judge) {
  const StartFacts& start = judge.start;
  if (start.processes > 0) {
    judge.judgement.saw("memory", std::format("{} in {}", format_bytes(start.memory),
                                              count_of(start.processes, "process", "processes")));
  }
  const OpenedByServiceFacts* model = opened_model(judge.facts, start);
  if (model == nullptr || model->count < 2 || start.processes < kWorkersProcesses) {
    return;
  }
  judge.add("loaded-per-worker",
            std::format("`{}` was opened {} times by {} processes, which have {} together: each worker has a "
                        "model of its own",
                        shown_path(judge.facts, model->path), model->count, start.processes,
                        format_bytes(start.memory)),
            "count the memory of a worker times the workers, or use fewer workers with more threads",
            model_location(judge.facts));
}

void judge_log(Judge& judge) {
  if (std::string line = load_time_line(judge.start.log); !line.empty()) {
    judge.judgement.saw("load time in the log", std::move(line));
  } else {
    judge.add("load-time-untold",
              "no line of the log says how long loading took; expected one such as `model loaded in 1.85 s`",
              "log the time: without it nobody sees that starts become slower",
              {.file = {}, .key = "service.command", .line = {}});
  }
}

}  // namespace

Judgement judge(const Facts& facts, const Options& options) {
  if (auto without = without_served(facts)) {
    return *std::move(without);
  }
  if (auto blocked = blocked_by_health(facts)) {
    return Judgement::cannot_tell(*std::move(blocked));
  }
  const StartFacts& start = facts.served->healthy;
  Judgement judgement;
  Judge judge{facts, options, judgement, start, *start.ready, {}};
  if (start.listening) {
    judgement.saw("listening", format_duration(*start.listening));
  }
  judge_budget(judge, "ready", "ready", *start.ready, options.ready);
  if (start.predicted) {
    judge_budget(judge, "the first prediction's end", "first", *start.predicted, options.first);
  } else if (options.first) {
    judge.untold.emplace_back("no prediction was answered; see `service-health`");
  }
  judge_patience(judge);
  judge_first_request(judge);
  judge_memory(judge);
  judge_log(judge);
  if (!judge.untold.empty()) {
    judgement.undecided = join(judge.untold, "; ");
  }
  return judgement;
}

extern const CheckInfo kCheck;
const CheckInfo kCheck =
    define_check<Options, judge>("startup-time", kFindings, {.package = true, .service = true});

}  // namespace runup::checks::startup_time
