// SPDX-License-Identifier: Apache-2.0
// runup-probe-torch: loads one model with libtorch and answers experiments, see probes/protocol.

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "probes/protocol/channel.h"
#include "probes/runtime/limit.h"
#include "probes/runtime/process.h"
#include "probes/torch/loading.h"

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

Result<void> describe_answer(const ModelDeclaration& declaration, const Experiment& asked,
                             const Answer& answer, ExperimentFacts& facts) {
  for (const HeldOutput& output : answer.outputs) {
    facts.outputs.push_back(describe_output(output.values));
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
        asked.sizes.empty()) {
      return asked;
    }
  }
  return {};
}

Result<void> infer(const ModelDeclaration& declaration, const Experiment& asked, Model& model,
                   ExperimentFacts& facts) {
  const auto inputs = make_inputs(declaration, asked);
  if (!inputs) {
    return std::unexpected(inputs.error());
  }
  const auto answer = model.call(*inputs);
  if (!answer) {
    return std::unexpected(answer.error());
  }
  return describe_answer(declaration, asked, *answer, facts);
}

Result<void> time_calls(const ModelDeclaration& declaration, const Experiment& asked, Model& model,
                        ExperimentFacts& facts) {
  if (asked.count > kMostCalls) {
    return fail(ErrorCode::limit, std::to_string(asked.count) + " calls are asked for; at most " +
                                      std::to_string(kMostCalls) + " are timed");
  }
  const auto inputs = make_inputs(declaration, asked);
  if (!inputs) {
    return std::unexpected(inputs.error());
  }
  if (model.calls() == 0) {
    if (const auto first = model.call(*inputs); !first) {
      return std::unexpected(first.error());
    }
  }
  auto calls = model.time_calls(*inputs, asked.count);
  if (!calls) {
    return std::unexpected(calls.error());
  }
  facts.calls = std::move(*calls);
  return {};
}

Result<void> grow(const ModelDeclaration& declaration, const Experiment& asked, Model& model,
                  ExperimentFacts& facts) {
  facts.limit = find_limit(declaration, asked, [&](const std::vector<InputValues>& inputs) -> Result<void> {
    return model.call(inputs).transform([](const Answer&) {});
  });
  return {};
}

Result<void> dispatch(const ModelDeclaration& declaration, const Experiment& asked, Model& model,
                      ExperimentFacts& facts) {
  switch (asked.kind) {
    case ExperimentKind::infer:
      return infer(declaration, asked, model, facts);
    case ExperimentKind::latency:
      return time_calls(declaration, asked, model, facts);
    case ExperimentKind::limit:
      return grow(declaration, asked, model, facts);
    case ExperimentKind::cold_start:
      break;
  }
  return fail(ErrorCode::bad_input, "a cold start is a process of its own");
}

ExperimentFacts perform(const ModelDeclaration& declaration, const Experiment& asked, Model& model,
                        std::optional<Answer> known) {
  const Duration started = steady_now();
  ExperimentFacts facts{.asked = asked};
  const Result<void> outcome =
      known ? describe_answer(declaration, asked, *known, facts) : dispatch(declaration, asked, model, facts);
  if (!outcome && outcome.error().code == ErrorCode::unsupported) {
    facts.absence =
        Absence{.kind = AbsenceKind::refused,
                .detail = "this libtorch lacks what the model calls (" + outcome.error().describe() + ")"};
  } else if (!outcome) {
    facts.error = outcome.error().describe();
  }
  facts.took = steady_now() - started;
  return facts;
}

Result<void> run_experiments(Channel& channel, const RuntimeRequest& request, Bytes file) {
  const Experiment trial = trial_of(request.experiments);
  Loaded loaded = load_model(request.model, file, &trial);
  auto outcome = send(channel, MessageType::witness, loaded.witness);
  if (outcome) {
    outcome = send(channel, MessageType::load, loaded.load);
  }
  for (std::size_t i = 0; outcome && loaded.model && i < request.experiments.size(); ++i) {
    const Experiment& asked = request.experiments[i];
    std::optional<Answer> known;
    if (asked == trial) {
      // Once: who asks twice wants two calls.
      known = std::exchange(loaded.trial, std::nullopt);
    }
    outcome = send(channel, MessageType::experiment,
                   perform(request.model, asked, *loaded.model, std::move(known)));
  }
  return outcome;
}

Result<void> cold_start(Channel& channel, const RuntimeRequest& request, Bytes file, Duration entered) {
  if (request.experiments.empty()) {
    return fail(ErrorCode::bad_input, "a cold start needs one experiment");
  }
  // Making noise is no part of a model's start.
  const auto inputs = make_inputs(request.model, request.experiments.front());
  if (!inputs) {
    return std::unexpected(inputs.error());
  }
  ColdStartFacts facts{.runtime_start = entered - request.spawned_at, .cached = cached_share(file)};
  const Duration started = steady_now();
  Loaded loaded = load_model(request.model, file, nullptr);
  facts.load = steady_now() - started;
  if (!loaded.model) {
    return fail(ErrorCode::bad_input, "loading stopped at `" + std::string(enum_name(loaded.load.stage)) +
                                          "`: " + loaded.load.error);
  }
  const auto answer = loaded.model->call(*inputs);
  if (!answer) {
    return std::unexpected(answer.error());
  }
  facts.first = answer->took;
  facts.peak_resident_bytes = peak_resident_bytes();
  return send(channel, MessageType::cold_start, facts);
}

int serve(Duration entered) {
  return serve_probe<RuntimeRequest>(
      [entered](Channel& channel, const RuntimeRequest& request) -> Result<void> {
        const auto file = map_artifact();
        if (!file) {
          return std::unexpected(file.error());
        }
        return request.mode == RuntimeMode::cold_start ? cold_start(channel, request, file->bytes(), entered)
                                                       : run_experiments(channel, request, file->bytes());
      });
}

}  // namespace

}  // namespace runup

int main() {
  const int status = runup::serve(runup::steady_now());
  // libtorch's destructors take longer than many models' inference, and nothing is left to save.
  ::_exit(status);
}
