// SPDX-License-Identifier: Apache-2.0
#include "check/check.h"

#include <algorithm>
#include <format>

#include "base/text.h"
#include "check/percentile.h"
#include "check/wording.h"

namespace runup::checks::warmup_budget {

struct Options {
  std::optional<Duration> load;
  std::optional<Duration> first;
  std::optional<Duration> p50;
  std::optional<Duration> p95;
  std::optional<Duration> p99;
  std::uint64_t runs = 20;
  std::uint64_t warmup = 3;
  std::uint64_t processes = 3;
  static constexpr auto fields() {
    return std::tuple{
        Field{"load", &Options::load, "longest time for opening and building the model"},
        Field{"first", &Options::first, "longest time for the first inference of a process"},
        Field{"p50", &Options::p50, "longest median time of a warm inference"},
        Field{"p95", &Options::p95, "longest 95th percentile of warm inferences"},
        Field{"p99", &Options::p99, "longest 99th percentile of warm inferences"},
        Field{"runs", &Options::runs, "warm inferences that are measured", Rule{.min = 1, .max = 10000}},
        Field{"warmup", &Options::warmup, "inferences before the measured ones", Rule{.min = 0, .max = 1000}},
        Field{"processes", &Options::processes, "fresh processes that load the model",
              Rule{.min = 1, .max = 50}}};
  }
};

constexpr std::array kFindings{
    FindingInfo{"load-over-budget", Severity::error, "loading the model takes longer than its budget"},
    FindingInfo{"first-over-budget", Severity::error, "the first inference takes longer than its budget"},
    FindingInfo{"latency-over-budget", Severity::error, "warm inferences take longer than their budget"},
    FindingInfo{"slow-second-call", Severity::note,
                "calls after the first are still far slower than warm ones"},
    FindingInfo{"unbudgeted", Severity::note, "times were measured, but nothing says how long they may be"}};

namespace {

// A call is slow when it takes this many times the warm median: the profiling executor of TorchScript
// optimises during the second call, and often takes longer than in the first.
constexpr double kSlowCall = 3;

Experiment cold_start(const Options& options) {
  return {.kind = ExperimentKind::cold_start, .fill = Fill::random, .seed = 1, .count = options.processes};
}
Experiment latency(const Options& options) {
  return {.kind = ExperimentKind::latency,
          .fill = Fill::random,
          .seed = 1,
          .count = options.warmup + options.runs};
}

// One figure with its budget, in words.
struct Gauge {
  // "load", "first inference", "p95 of warm inferences"
  std::string name;
  std::string_view option;
  std::string_view finding;
  std::string_view fix;
  // what there must be more of when the figure is too noisy
  std::string_view more;
  std::optional<Duration> budget;
};

constexpr std::string_view kLoadFix =
    "store the weights alone (no optimizer state), load with `mmap=True`, or raise `load` together with the "
    "platform's "
    "start-up time-out";
constexpr std::string_view kFirstFix =
    "call the model once on an example input before reporting ready, or raise `first`";
constexpr std::string_view kLatencyFix =
    "set the thread count to the CPU quota (`OMP_NUM_THREADS`), make the model or its inputs smaller, or "
    "raise the budget";

struct Judge {
  const Facts& facts;
  const Options& options;
  Judgement& judgement;
  std::vector<std::string> noisy;
  std::vector<std::string> untold;
  std::vector<std::string> intervals;

  void gauge(const Gauge& gauge, const Figure& figure) {
    const std::string interval =
        std::format("{} to {}", format_duration(figure.low), format_duration(figure.high));
    judgement.saw(gauge.name, gauge.budget ? std::format("{} of {}", format_duration(figure.value),
                                                         format_duration(*gauge.budget))
                                           : format_duration(figure.value));
    intervals.push_back(std::format("{} {}, {} measured", gauge.name, interval, figure.measurements));
    if (!gauge.budget) {
      return;
    }
    const Standing standing = compare(figure, *gauge.budget);
    if (standing == Standing::over) {
      Finding finding = make_finding(
          kFindings, gauge.finding,
          std::format("{} is {}; its budget is {}", gauge.name, format_duration(figure.value),
                      format_duration(*gauge.budget)),
          std::string(gauge.fix), {.file = {}, .key = std::format("checks.warmup-budget.{}", gauge.option)});
      finding.evidence.push_back(
          {.name = "measured", .value = std::format("{} times, {}", figure.measurements, interval)});
      judgement.findings.push_back(std::move(finding));
    } else if (standing == Standing::noisy) {
      noisy.push_back(
          std::format("{} is {} ({} to {} with its noise) and the budget is {}; raise `{}` or measure on a "
                      "quieter machine",
                      gauge.name, format_duration(figure.value), format_duration(figure.low),
                      format_duration(figure.high), format_duration(*gauge.budget), gauge.more));
    }
  }
};

void judge_cold_starts(Judge& judge, const ExperimentFacts& answer) {
  std::vector<Duration> loads;
  std::vector<Duration> firsts;
  double cached = 0;
  std::uint64_t memory = 0;
  for (const ColdStartFacts& start : answer.cold_starts) {
    loads.push_back(start.load);
    firsts.push_back(start.first);
    cached += start.cached / static_cast<double>(answer.cold_starts.size());
    memory = std::max(memory, start.peak_resident_bytes);
  }
  judge.gauge({.name = "load",
               .option = "load",
               .finding = "load-over-budget",
               .fix = kLoadFix,
               .more = "processes",
               .budget = judge.options.load},
              percentile(loads, 50));
  judge.gauge({.name = "first inference",
               .option = "first",
               .finding = "first-over-budget",
               .fix = kFirstFix,
               .more = "processes",
               .budget = judge.options.first},
              percentile(firsts, 50));
  judge.judgement.saw("model file in the page cache", std::format("{:.0f} %", cached * 100));
  if (memory > 0) {
    judge.judgement.saw("peak memory", format_bytes(memory));
  }
}

// Calls at the start of the process that are slower than all that come after the warm-up.
void judge_slow_calls(Judge& judge, const std::vector<Duration>& calls, const std::vector<Duration>& warm,
                      Duration median) {
  const Duration slowest_warm = *std::ranges::max_element(warm);
  std::size_t slow = 0;
  while (slow < calls.size() && calls[slow].seconds() > kSlowCall * median.seconds() &&
         calls[slow] > slowest_warm) {
    ++slow;
  }
  if (slow == 0) {
    return;
  }
  judge.judgement.findings.push_back(make_finding(
      kFindings, "slow-second-call",
      std::format("{} after the first inference took up to {}; a warm one takes {}",
                  count_of(slow, "call", "calls"),
                  format_duration(*std::ranges::max_element(
                      calls.begin(), calls.begin() + static_cast<std::ptrdiff_t>(slow))),
                  format_duration(median)),
      std::format("warm up with at least {} calls for each input shape before reporting ready", slow + 2),
      model_location(judge.facts)));
}

void judge_latency(Judge& judge, const ExperimentFacts& answer) {
  const std::size_t skipped = std::min<std::size_t>(judge.options.warmup, answer.calls.size() - 1);
  const std::vector<Duration> warm(answer.calls.begin() + static_cast<std::ptrdiff_t>(skipped),
                                   answer.calls.end());
  const Figure median = percentile(warm, 50);
  const auto gauge = [&](std::string_view option, double percent, std::optional<Duration> budget) {
    judge.gauge({.name = std::format("{} of warm inferences", option),
                 .option = option,
                 .finding = "latency-over-budget",
                 .fix = kLatencyFix,
                 .more = "runs",
                 .budget = budget},
                percentile(warm, percent));
  };
  gauge("p50", 50, judge.options.p50);
  gauge("p95", 95, judge.options.p95);
  gauge("p99", 99, judge.options.p99);
  judge_slow_calls(judge, answer.calls, warm, median.value);
}

// Judges one experiment's answer, or says why there is none.
template <class Use>
void with_answer(Judge& judge, const RuntimeFacts& runtime, const Experiment& asked, std::string_view what,
                 Use use) {
  const ExperimentFacts* answer = runtime.find(asked);
  if (answer == nullptr) {
    judge.untold.push_back(std::format("{} did not measure {}", witness_words(runtime.witness), what));
  } else if (answer->absence) {
    judge.untold.push_back(absence_text(what, *answer->absence));
  } else if (!answer->error.empty()) {
    judge.untold.push_back(std::format("{} could not be measured: {}; see `inference`", what,
                                       excerpt(first_line(answer->error), 200)));
  } else if (asked.kind == ExperimentKind::cold_start ? answer->cold_starts.empty() : answer->calls.empty()) {
    judge.untold.push_back(std::format("{} gave no {}", witness_words(runtime.witness), what));
  } else {
    use(*answer);
  }
}

}  // namespace

std::vector<Experiment> plan(const ModelDeclaration& model, const Options& options) {
  if (model.inputs.empty()) {
    return {};
  }
  return {latency(options), cold_start(options)};
}

Judgement judge(const Facts& facts, const Options& options) {
  if (facts.model.inputs.empty()) {
    return Judgement::cannot_tell("nothing says what the model is called with; give `inputs:`");
  }
  const auto witness = std::ranges::find_if(facts.runtimes, [](const Observed<RuntimeFacts>& runtime) {
    return runtime.value && runtime->load.stage == LoadStage::done;
  });
  if (witness == facts.runtimes.end()) {
    const auto tried = std::ranges::find_if(
        facts.runtimes, [](const Observed<RuntimeFacts>& runtime) { return runtime.value.has_value(); });
    return Judgement::cannot_tell(tried == facts.runtimes.end()
                                      ? no_witness_words(facts)
                                      : std::format("blocked: {} could not load the model; see `inference`",
                                                    witness_words((*tried)->witness)));
  }
  const RuntimeFacts& runtime = **witness;
  Judgement judgement;
  Judge judge{facts, options, judgement, {}, {}, {}};
  with_answer(judge, runtime, cold_start(options), "the start of fresh processes",
              [&](const ExperimentFacts& answer) { judge_cold_starts(judge, answer); });
  with_answer(judge, runtime, latency(options), "warm latency",
              [&](const ExperimentFacts& answer) { judge_latency(judge, answer); });
  if (!judge.intervals.empty()) {
    judgement.saw("intervals", join(judge.intervals, "; "));
  }
  judgement.saw("measured with", std::format("{}, {}", witness_words(runtime.witness),
                                             runtime.witness.threads == 0
                                                 ? "its default threads"
                                                 : count_of(runtime.witness.threads, "thread", "threads")));
  if (!options.load && !options.first && !options.p50 && !options.p95 && !options.p99) {
    judgement.findings.push_back(make_finding(
        kFindings, "unbudgeted",
        "load, first inference and warm latency were measured, but no budget says how long they may take",
        "set what your users notice, for example `checks: {warmup-budget: {load: 10s, first: 1s, p95: "
        "200ms}}`",
        {.file = {}, .key = "checks.warmup-budget"}));
  }
  if (!judge.untold.empty()) {
    judgement.undecided = join(judge.untold, "; ");
  } else if (!judge.noisy.empty()) {
    judgement.undecided = "too noisy to judge: " + join(judge.noisy, "; ");
  }
  return judgement;
}

extern const CheckInfo kCheck;
const CheckInfo kCheck =
    define_check<Options, judge, plan>("warmup-budget", kFindings, {.runtime = true, .conversions = true});

}  // namespace runup::checks::warmup_budget
