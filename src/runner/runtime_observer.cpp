// SPDX-License-Identifier: Apache-2.0
#include "runner/runtime_observer.h"

#include <algorithm>
#include <format>
#include <mutex>

#include "base/text.h"
#include "runner/probe_call.h"
#include "runner/runtime_programs.h"

namespace runup {

namespace {

// Fresh processes for what a dead one had left undone. Enough for two bad experiments; a model that
// kills its process with every input would otherwise load for ever.
constexpr std::size_t kMostProcesses = 4;
// Calls of a latency experiment that fit one step's time.
constexpr std::uint64_t kCallsPerStep = 20;
constexpr std::uint64_t kMostFileBytes = std::uint64_t{64} << 20U;
static_assert(kMostKeptBytes > kMostFileBytes);
// A network's numbers against those of its file, which may be of half precision or compressed.
constexpr std::uint64_t kLargerInMemory = 4;

// ", `time` 500 and `frames[2]` 148"; empty for the usual sizes
std::string sizes_of(const Experiment& experiment) {
  std::vector<std::string> words;
  for (const auto& sizes : {experiment.axes, experiment.sizes}) {
    for (const auto& [name, size] : sizes) {
      words.push_back(std::format("`{}` {}", name, size));
    }
  }
  return words.empty() ? "" : ", " + join_words(words);
}

std::string input_of(const Experiment& experiment) {
  switch (experiment.fill) {
    case Fill::sample:
      return std::format("`samples[{}]`", experiment.sample);
    case Fill::zeros:
      return "zeros";
    case Fill::ones:
      return "ones";
    case Fill::random:
      break;
  }
  return std::format("random input (seed {})", experiment.seed);
}

std::string words_of(const Experiment& experiment) {
  switch (experiment.kind) {
    case ExperimentKind::latency:
      return "timing warm inferences";
    case ExperimentKind::limit:
      return std::format("growing `{}` from {} to at most {}", experiment.axis, experiment.from,
                         experiment.most);
    case ExperimentKind::cold_start:
      return "starting afresh";
    case ExperimentKind::infer:
      break;
  }
  return std::format("running inference with {}{}{}", input_of(experiment), sizes_of(experiment),
                     experiment.gradients ? ", gradients recorded" : "");
}

// What one process answered.
struct ProcessAnswers {
  std::optional<WitnessFacts> witness;
  std::optional<LoadFacts> load;
  std::vector<ExperimentFacts> experiments;
  std::optional<ColdStartFacts> cold_start;
  std::optional<Absence> absence;
  Duration took;
};

class RuntimeObserver {
 public:
  RuntimeObserver(RunContext& context, const RuntimeJob& job, const Observed<HostFacts>& host)
      : context_(context),
        job_(job),
        memory_(runtime_memory(context.settings, host)),
        environment_(runtime_environment(context.plan)) {}

  Observed<RuntimeFacts> observe() {
    const Duration start = steady_now();
    std::vector<Experiment> asked = job_.experiments;
    const auto cold = std::ranges::find(asked, ExperimentKind::cold_start, &Experiment::kind);
    const std::vector<Experiment> cold_starts(cold, asked.end());
    asked.erase(cold, asked.end());
    if (auto absence = ask(std::move(asked))) {
      return Observed<RuntimeFacts>::none(*absence, steady_now() - start);
    }
    if (facts_.load.stage == LoadStage::done) {
      for (const Experiment& experiment : cold_starts) {
        facts_.experiments.push_back(start_afresh(experiment));
      }
    }
    return Observed<RuntimeFacts>::seen(std::move(facts_), steady_now() - start);
  }

 private:
  // Fills `facts_`; the absence is that of everything, when not even loading was seen.
  std::optional<Absence> ask(std::vector<Experiment> rest) {
    for (std::size_t process = 1;; ++process) {
      ProcessAnswers answers = run_process(RuntimeMode::experiments, rest);
      if (!answers.load) {
        Absence why = answers.absence.value_or(
            Absence{.kind = AbsenceKind::garbled,
                    .detail = std::format("{} ended without saying whether it loaded", job_.program.who)});
        if (process == 1) {
          return why;
        }
        give_up(rest, why);
        return std::nullopt;
      }
      if (process == 1) {
        facts_.witness = answers.witness.value_or(WitnessFacts{});
        facts_.load = *answers.load;
      }
      for (ExperimentFacts& answer : answers.experiments) {
        std::erase(rest, answer.asked);
        facts_.experiments.push_back(std::move(answer));
      }
      if (rest.empty() || answers.load->stage != LoadStage::done) {
        return std::nullopt;
      }
      Absence why = answers.absence.value_or(
          Absence{.kind = AbsenceKind::garbled,
                  .detail = std::format("{} said that it is done and did not answer", job_.program.who)});
      if (context_.interrupted()) {
        give_up(rest, {.kind = AbsenceKind::blocked, .detail = std::string(kInterruptedWords)});
        return std::nullopt;
      }
      give_up({rest.front()}, why);
      rest.erase(rest.begin());
      if (rest.empty()) {
        return std::nullopt;
      }
      if (process == kMostProcesses) {
        give_up(rest, {.kind = AbsenceKind::blocked,
                       .detail = std::format("not tried, because {} processes of {} had died before",
                                             kMostProcesses, job_.program.who)});
        return std::nullopt;
      }
    }
  }

  void give_up(const std::vector<Experiment>& experiments, const Absence& why) {
    for (const Experiment& experiment : experiments) {
      facts_.experiments.push_back({.asked = experiment, .absence = why});
    }
  }

  ExperimentFacts start_afresh(const Experiment& experiment) {
    ExperimentFacts facts{.asked = experiment};
    for (std::uint64_t i = 0; i < experiment.count; ++i) {
      context_.progress(std::format("{}: fresh process {} of {} ({})", job_.name, i + 1, experiment.count,
                                    job_.program.library));
      ProcessAnswers answers = run_process(RuntimeMode::cold_start, {experiment});
      facts.took += answers.took;
      if (!answers.cold_start) {
        facts.absence = answers.absence.value_or(Absence{
            .kind = AbsenceKind::garbled, .detail = std::format("{} ended without times", job_.program.who)});
        return facts;
      }
      facts.cold_starts.push_back(*answers.cold_start);
    }
    return facts;
  }

  Duration patience_for(const Experiment& experiment) const {
    const Duration step = context_.settings.step_timeout;
    const double steps =
        experiment.kind == ExperimentKind::latency
            ? 1.0 + static_cast<double>(experiment.count) / static_cast<double>(kCallsPerStep)
            : 1.0;
    // One more step for the call that turns out to be the last.
    const double own = experiment.kind == ExperimentKind::limit ? kLimitTime.seconds() : 0.0;
    return Duration::from_seconds(step.seconds() * steps + own);
  }

  Duration patience_for_loading() const {
    return context_.settings.step_timeout + reading_time(job_.artifact.bytes);
  }

  ProcessAnswers run_process(RuntimeMode mode, const std::vector<Experiment>& asked) {
    const bool times = std::ranges::any_of(
        asked, [](const Experiment& experiment) { return experiment.kind != ExperimentKind::infer; });
    std::unique_lock alone(context_.quiet, std::defer_lock);
    std::shared_lock beside(context_.quiet, std::defer_lock);
    times ? alone.lock() : beside.lock();

    ProcessAnswers answers;
    const auto current = [&]() -> const Experiment* {
      const bool loaded = answers.load && answers.load->stage == LoadStage::done;
      return loaded && answers.experiments.size() < asked.size() ? &asked[answers.experiments.size()]
                                                                 : nullptr;
    };
    Duration deadline = patience_for_loading() + context_.settings.step_timeout;
    for (const Experiment& experiment : asked) {
      deadline += patience_for(experiment);
    }
    const auto tell = [&] {
      if (mode == RuntimeMode::experiments) {
        const Experiment* now = current();
        context_.progress(std::format("{}: {} ({})", job_.name,
                                      now != nullptr ? words_of(*now) : "loading the model",
                                      job_.program.library));
      }
    };
    tell();
    const Duration start = steady_now();
    const bool keeps = job_.store >= 0 && mode == RuntimeMode::experiments;
    std::vector<int> descriptors{job_.artifact.file.get()};
    if (keeps) {
      descriptors.push_back(job_.store);
    }
    PythonRequest python = job_.python;
    const bool numbers = job_.numbers >= 0 && mode == RuntimeMode::experiments;
    if (numbers) {
      python.numbers = kFirstPassedFd + static_cast<int>(descriptors.size());
      descriptors.push_back(job_.numbers);
    }
    // A state_dict's bytes, as far as they are compressed in the file.
    const bool copies = numbers || !job_.python.kind.empty();
    answers.absence = call_probe(
        context_,
        {.who = std::string(job_.program.who),
         .job = {.argv = program_command(context_.settings, job_.program),
                 .environment = environment_,
                 .descriptors = std::move(descriptors),
                 .limits = {.deadline = deadline,
                            .resident_bytes = memory_,
                            .file_bytes = std::max(
                                keeps ? kMostKeptBytes : kMostFileBytes,
                                copies ? kMostFileBytes + kLargerInMemory * job_.artifact.bytes : 0)}},
         .request = encode(RuntimeRequest{.mode = mode,
                                          .model = job_.declaration,
                                          .experiments = asked,
                                          .keep = keeps ? job_.keep : std::vector<Experiment>{},
                                          .library = context_.plan.target.onnxruntime,
                                          .python = std::move(python),
                                          .spawned_at = start}),
         .remedy = std::string(job_.program.remedy),
         .patience = [&] { return current() != nullptr ? patience_for(*current()) : patience_for_loading(); },
         .doing =
             [&] {
               return "while " + (mode == RuntimeMode::cold_start ? "measuring the start of a fresh process"
                                  : current() != nullptr          ? words_of(*current())
                                  : answers.load                  ? std::string("ending")
                                                                  : std::string("loading the model"));
             },
         .take = [&](const ProbeMessage& message) { return take(message, asked, answers, tell); }});
    answers.took = steady_now() - start;
    return answers;
  }

  static Result<void> take(const ProbeMessage& message, const std::vector<Experiment>& asked,
                           ProcessAnswers& answers, const std::function<void()>& tell) {
    const auto keep = [&](auto& place) -> Result<void> {
      auto read = read_facts<typename std::remove_cvref_t<decltype(place)>::value_type>(message);
      if (!read) {
        return std::unexpected(read.error());
      }
      place = std::move(*read);
      tell();
      return {};
    };
    switch (message.type) {
      case MessageType::witness:
        return keep(answers.witness);
      case MessageType::load:
        return keep(answers.load);
      case MessageType::cold_start:
        return keep(answers.cold_start);
      case MessageType::experiment: {
        std::optional<ExperimentFacts> answer;
        if (auto kept = keep(answer); !kept) {
          return kept;
        }
        const std::size_t next = answers.experiments.size();
        if (!answers.load || next >= asked.size() || answer->asked != asked[next]) {
          return fail(ErrorCode::bad_input, "an answer came to an experiment that it was not the turn of");
        }
        answers.experiments.push_back(std::move(*answer));
        tell();
        return {};
      }
      default:
        return fail(ErrorCode::bad_input,
                    std::format("a `{}` message is not what a runtime probe sends", enum_name(message.type)));
    }
  }

  RunContext& context_;
  const RuntimeJob& job_;
  std::uint64_t memory_;
  std::vector<std::string> environment_;
  RuntimeFacts facts_;
};

}  // namespace

Observed<RuntimeFacts> observe_runtime(RunContext& context, const RuntimeJob& job,
                                       const Observed<HostFacts>& host) {
  return RuntimeObserver(context, job, host).observe();
}

}  // namespace runup
