// SPDX-License-Identifier: Apache-2.0
#include "probes/runtime/serve.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <format>
#include <iterator>
#include <optional>
#include <utility>

#include "probes/runtime/limit.h"
#include "probes/runtime/process.h"

namespace runup {

namespace {

// A latency experiment's list of times must fit a frame.
constexpr std::uint64_t kMostCalls = 1'000'000;

template <class Facts>
Result<void> send(Channel& channel, MessageType type, const Facts& facts) {
  return channel.send(encode(ProbeMessage{.type = type, .facts = encode(facts)}));
}

// The model file, private and writable: a model that updates its weights in place changes its own copy.
Result<MappedFile> map_artifact() {
  auto mapped = MappedFile::from_descriptor(kFirstPassedFd);
  if (mapped && !mapped->bytes().empty()) {
    // Where the system refuses (strict overcommit), only such a model has a problem.
    ::mprotect(const_cast<std::byte*>(mapped->bytes().data()), mapped->bytes().size(),
               PROT_READ | PROT_WRITE);
  }
  return mapped;
}

// The answers that runup compares with those of other files.
class Store {
 public:
  explicit Store(const std::vector<Experiment>& kept) : kept_(kept) {
    struct stat status{};
    if (!kept_.empty() && ::fstat(kOutputStoreFd, &status) == 0) {
      size_ = static_cast<std::uint64_t>(status.st_size);
    }
  }

  bool keeps(const Experiment& asked) const { return std::ranges::find(kept_, asked) != kept_.end(); }

  // Where it is now; nothing when there is no room.
  Result<std::optional<std::uint64_t>> append(Bytes bytes) {
    if (bytes.size() > kMostKeptBytes - std::min(size_, kMostKeptBytes)) {
      return std::optional<std::uint64_t>();
    }
    const std::uint64_t at = size_;
    while (!bytes.empty()) {
      const ssize_t written = ::pwrite(kOutputStoreFd, bytes.data(), bytes.size(), static_cast<off_t>(size_));
      if (written < 0 && errno == EINTR) {
        continue;
      }
      if (written <= 0) {
        return std::unexpected(system_error("cannot keep an output for comparison", errno));
      }
      bytes = bytes.subspan(static_cast<std::size_t>(written));
      size_ += static_cast<std::uint64_t>(written);
    }
    return std::optional(at);
  }

 private:
  const std::vector<Experiment>& kept_;
  std::uint64_t size_ = 0;
};

Result<void> describe_answer(const ModelDeclaration& declaration, const Experiment& asked,
                             const Answer& answer, Store& store, ExperimentFacts& facts) {
  for (const HeldOutput& output : answer.outputs) {
    OutputFacts described = describe_output(output.values);
    if (store.keeps(asked)) {
      const auto kept = store.append(output.values.bytes);
      if (!kept) {
        return std::unexpected(kept.error());
      }
      described.kept_at = *kept;
    }
    facts.outputs.push_back(std::move(described));
  }
  if (asked.fill != Fill::sample || declaration.samples[asked.sample].output.empty()) {
    return {};
  }
  const SampleDeclaration& sample = declaration.samples[asked.sample];
  const auto expected = MappedFile::open(sample.output);
  if (!expected) {
    return std::unexpected(expected.error());
  }
  std::vector<OutputValues> outputs;
  std::ranges::transform(answer.outputs, std::back_inserter(outputs), &HeldOutput::values);
  std::vector<std::string> inputs;
  std::ranges::transform(declaration.inputs, std::back_inserter(inputs), &InputDeclaration::name);
  auto comparisons = compare_outputs(outputs, expected->bytes(), sample.rtol, sample.atol, inputs);
  if (!comparisons) {
    return wrap(comparisons.error(), "cannot compare with `" + sample.output + "`");
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    facts.outputs[i].comparison = std::move((*comparisons)[i]);
  }
  return {};
}

// What loading tries the model with: the first experiment that asks for no sample and no other sizes,
// since a call's answer is then of use twice; without one, noise of the usual sizes.
Experiment trial_of(const std::vector<Experiment>& experiments) {
  for (const Experiment& asked : experiments) {
    if (asked.kind == ExperimentKind::infer && asked.fill != Fill::sample && asked.axes.empty() &&
        asked.sizes.empty() && !asked.gradients) {
      return asked;
    }
  }
  return {};
}

class Performer {
 public:
  Performer(const Runtime& runtime, const ModelDeclaration& declaration, Model& model, Store& store)
      : runtime_(runtime), declaration_(declaration), model_(model), store_(store) {}

  // `known` is the answer, when it was given before.
  ExperimentFacts perform(const Experiment& asked, const std::optional<Answer>& known) {
    const Duration started = steady_now();
    ExperimentFacts facts{.asked = asked};
    const Result<void> outcome =
        known ? describe_answer(declaration_, asked, *known, store_, facts) : perform(asked, facts);
    if (!outcome && outcome.error().code == ErrorCode::unsupported) {
      facts.absence = Absence{.kind = AbsenceKind::refused,
                              .detail = std::format("this {} lacks what the model calls ({})", runtime_.name,
                                                    outcome.error().describe())};
    } else if (!outcome) {
      facts.error = outcome.error().describe();
    }
    facts.took = steady_now() - started;
    return facts;
  }

 private:
  Result<void> perform(const Experiment& asked, ExperimentFacts& facts) {
    switch (asked.kind) {
      case ExperimentKind::infer:
        return infer(asked, facts);
      case ExperimentKind::latency:
        return time_calls(asked, facts);
      case ExperimentKind::limit:
        facts.limit = find_limit(declaration_, asked,
                                 [&](const std::vector<InputValues>& inputs) -> Result<void> {
                                   return model_.call(inputs, Gradients::off).transform([](const Answer&) {});
                                 },
                                 {.peak = [&] { return model_.peak_memory(); }});
        return {};
      case ExperimentKind::cold_start:
        break;
    }
    return fail(ErrorCode::bad_input, "a cold start is a process of its own");
  }

  Result<void> infer(const Experiment& asked, ExperimentFacts& facts) {
    const auto inputs = make_inputs(declaration_, asked);
    if (!inputs) {
      return std::unexpected(inputs.error());
    }
    const auto answer = model_.call(*inputs, asked.gradients ? Gradients::on : Gradients::off);
    if (!answer) {
      return std::unexpected(answer.error());
    }
    return describe_answer(declaration_, asked, *answer, store_, facts);
  }

  Result<void> time_calls(const Experiment& asked, ExperimentFacts& facts) {
    if (asked.count > kMostCalls) {
      return fail(ErrorCode::limit, std::to_string(asked.count) + " calls are asked for; at most " +
                                        std::to_string(kMostCalls) + " are timed");
    }
    const auto inputs = make_inputs(declaration_, asked);
    if (!inputs) {
      return std::unexpected(inputs.error());
    }
    if (model_.calls() == 0) {
      if (const auto first = model_.call(*inputs, Gradients::off); !first) {
        return std::unexpected(first.error());
      }
    }
    auto calls = model_.time_calls(*inputs, asked.count);
    if (!calls) {
      return std::unexpected(calls.error());
    }
    facts.calls = std::move(*calls);
    return {};
  }

  const Runtime& runtime_;
  const ModelDeclaration& declaration_;
  Model& model_;
  Store& store_;
};

Result<void> run_experiments(Channel& channel, const Runtime& runtime, const RuntimeRequest& request,
                             Bytes file) {
  const Experiment trial = trial_of(request.experiments);
  Loaded loaded = runtime.load(request, file, &trial);
  auto outcome = send(channel, MessageType::witness, loaded.witness);
  if (outcome) {
    outcome = send(channel, MessageType::load, loaded.load);
  }
  if (!outcome || !loaded.model) {
    return outcome;
  }
  Store store(request.keep);
  Performer performer(runtime, request.model, *loaded.model, store);
  for (const Experiment& asked : request.experiments) {
    std::optional<Answer> known;
    if (asked == trial) {
      // Once: who asks twice wants two calls.
      known = std::exchange(loaded.trial, std::nullopt);
    }
    outcome = send(channel, MessageType::experiment, performer.perform(asked, known));
    if (!outcome) {
      break;
    }
  }
  return outcome;
}

Result<void> cold_start(Channel& channel, const Runtime& runtime, const RuntimeRequest& request, Bytes file,
                        Duration runtime_start) {
  if (request.experiments.empty()) {
    return fail(ErrorCode::bad_input, "a cold start needs one experiment");
  }
  // Making noise is no part of a model's start.
  const auto inputs = make_inputs(request.model, request.experiments.front());
  if (!inputs) {
    return std::unexpected(inputs.error());
  }
  ColdStartFacts facts{.runtime_start = runtime_start, .cached = cached_share(file)};
  const Duration started = steady_now();
  Loaded loaded = runtime.load(request, file, nullptr);
  facts.load = steady_now() - started;
  if (!loaded.model) {
    return fail(ErrorCode::bad_input, "loading stopped at `" + std::string(enum_name(loaded.load.stage)) +
                                          "`: " + loaded.load.error);
  }
  const auto answer = loaded.model->call(*inputs, Gradients::off);
  if (!answer) {
    return std::unexpected(answer.error());
  }
  facts.first = answer->took;
  facts.peak_resident_bytes = loaded.model->peak_memory();
  return send(channel, MessageType::cold_start, facts);
}

}  // namespace

int serve_runtime(Duration entered, const Runtime& runtime) {
  return serve_probe<RuntimeRequest>([&](Channel& channel, const RuntimeRequest& request) -> Result<void> {
    const auto file = map_artifact();
    if (!file) {
      return std::unexpected(file.error());
    }
    const Duration before = steady_now();
    if (runtime.start) {
      if (auto started = runtime.start(request); !started) {
        return started;
      }
    }
    // What came between the two, the request and the map, is runup's own.
    const Duration runtime_start = entered - request.spawned_at + (steady_now() - before);
    return request.mode == RuntimeMode::cold_start
               ? cold_start(channel, runtime, request, file->bytes(), runtime_start)
               : run_experiments(channel, runtime, request, file->bytes());
  });
}

}  // namespace runup
