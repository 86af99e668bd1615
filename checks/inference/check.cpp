// SPDX-License-Identifier: Apache-2.0
#include "judge.h"

#include <algorithm>
#include <cmath>
#include <format>

#include "check/predictor.h"
#include "facts/state_dict.h"

namespace runup::checks::inference {

namespace {

// Of what a runtime said, in one message.
constexpr std::size_t kMostWords = 300;

// The weights that a line of source reads, where a refusal names the line: whether they or the input are
// wrong shows in their shapes and types.
std::vector<Evidence> weights_named(const Facts& facts, std::string_view words) {
  constexpr std::string_view kRead = "state_dict[\"";
  std::vector<Evidence> evidence;
  const StateDictChoice choice = choose_state_dict(*facts.artifact, facts.model);
  for (std::size_t at = words.find(kRead); at != std::string_view::npos && choice.chosen != nullptr;
       at = words.find(kRead, at)) {
    at += kRead.size();
    const std::string_view name = words.substr(at, words.find('"', at) - at);
    const auto weight = std::ranges::find_if(facts.artifact->tensors, [&](const TensorFacts& tensor) {
      return state_dict_key(tensor.path, choice.chosen->path) == name;
    });
    if (weight != facts.artifact->tensors.end()) {
      evidence.push_back({.name = std::string(name),
                          .value = std::format("{} {}", shape_text(weight->shape), weight->dtype)});
    }
  }
  return evidence;
}

// "Could not run 'aten::...' with arguments from the 'CUDA' backend", "Expected all tensors to be on the
// same device": what was traced on another device keeps it as a constant.
bool names_other_device(std::string_view words) {
  return words.contains("' backend") || words.contains("on the same device") ||
         words.contains("not at the same device") || words.contains("not compiled with CUDA");
}

void add_refusal(Judge& judge, std::string_view inputs, bool recorded, const std::string& words) {
  const std::string shape = example_shape(judge.facts.model);
  std::vector<Evidence> weights = weights_named(judge.facts, words);
  std::string fix =
      "declare in `inputs:` and `axes:` what the service really sends, or deploy the weights of the model "
      "that takes it";
  if (names_other_device(words)) {
    fix = std::format(
        "script or trace the model again on `{}`, with new tensors made like its input (`x.new_zeros(...)`) "
        "instead of on a device by name",
        judge.facts.model.device);
  } else if (recorded) {
    fix = "record the sample again with the pre-processing that the service has now, or correct `inputs:`";
  } else if (!weights.empty()) {
    fix =
        "compare the weights' shapes and types with what the architecture's line does with them and with "
        "`inputs:`, and deploy the weights that belong to it";
  }
  judge.add("refused-input",
            std::format("an inference with {}{} fails: {}", inputs,
                        recorded || shape.empty() ? "" : std::format(" of shape {}", shape), words),
            std::move(fix));
  judge.judgement.findings.back().evidence = std::move(weights);
}

// True when the model is loaded.
bool judge_load(Judge& judge, const RuntimeFacts& runtime) {
  const LoadFacts& load = runtime.load;
  if (load.python && !judge.facts.model.factory.empty() && load.stage != LoadStage::done) {
    judge.untold.push_back(load.python->words.empty()
                               ? std::string("blocked: the service's own predictor could not be made; see "
                                             "`predictor-load`")
                               : load.python->words);
    return false;
  }
  const std::string words = excerpt(first_line(load.error), kMostWords);
  const std::string who = std::format("{} {}", runtime.witness.library, runtime.witness.version);
  const bool no_architecture =
      load.stage == LoadStage::architecture && judge.facts.model.architecture.empty();
  if (load.unsupported && !no_architecture) {
    judge.untold.push_back(
        std::format("{} cannot load this model ({}); the service's own {}, with what the service "
                    "imports, may: name the function that loads it in `factory:`",
                    who, words, service_runtime(runtime.witness)));
    return false;
  }
  switch (load.stage) {
    case LoadStage::done:
      return true;
    case LoadStage::architecture: {
      if (no_architecture) {
        judge.untold.push_back(no_witness_words(judge.facts));
        return false;
      }
      const std::string file = shown_path(judge.facts, judge.facts.model.architecture);
      judge.add(
          "architecture-broken", std::format("{} cannot build `{}`: {}", who, file, words),
          "correct the architecture: TorchScript source with `def forward(state_dict: Dict[str, Tensor], x: "
          "Tensor) -> Tensor`, or an archive of `torch.jit.script`",
          {.file = file, .key = model_key(judge.facts, "architecture")});
      return false;
    }
    case LoadStage::device:
      judge.untold.push_back(std::format("blocked: {} could not use `{}` ({}); see `device-mapping`", who,
                                         judge.facts.model.device, words));
      return false;
    case LoadStage::state_dict:
      if (load.keys &&
          (!load.keys->missing.empty() || !load.keys->unexpected.empty() || !load.keys->misshapen.empty())) {
        judge.untold.push_back(std::format(
            "blocked: the weights do not fit the architecture ({} missing, {} unexpected, {} of another "
            "shape); see `state-dict-format`",
            load.keys->missing.size(), load.keys->unexpected.size(), load.keys->misshapen.size()));
        return false;
      }
      // Source is tried with the example inputs while it is loaded; with all keys there, it is they that fail.
      if (load.keys && runtime.witness.form.contains("source")) {
        add_refusal(judge, "an input", false, words);
        return false;
      }
      break;
    case LoadStage::artifact:
      break;
  }
  if (const auto damage = damage_obstacle(judge.facts)) {
    judge.untold.push_back("blocked: " + *damage);
  } else {
    judge.add(
        "load-failed",
        std::format("{} could not load the model (stage `{}`): {}", who, enum_name(load.stage), words),
        std::format("load the file by hand with the service's own {}, and save it again for that release",
                    service_runtime(runtime.witness)));
  }
  return false;
}

// The answers that are outputs; refusals become one finding for each thing that was said.
Answers judge_refusals(Judge& judge, const RuntimeFacts& runtime, const std::vector<Experiment>& asked) {
  Answers good;
  std::vector<std::pair<std::string, Answers>> refusals;
  for (const Experiment& experiment : asked) {
    const ExperimentFacts* answer = runtime.find(experiment);
    const std::string input = input_words(judge.facts.model, experiment);
    if (answer == nullptr) {
      judge.untold.push_back(std::format("{} gave no answer for {}", witness_words(runtime.witness), input));
    } else if (answer->absence) {
      judge.untold.push_back(absence_text("the inference of " + input, *answer->absence));
    } else if (!answer->error.empty()) {
      const std::string words = first_line(answer->error);
      auto same = std::ranges::find(refusals, words, &std::pair<std::string, Answers>::first);
      if (same == refusals.end()) {
        same = refusals.insert(refusals.end(), {words, {}});
      }
      same->second.push_back(answer);
    } else {
      good.push_back(answer);
    }
  }
  for (const auto& [words, answers] : refusals) {
    const bool recorded = answers.front()->asked.fill == Fill::sample;
    add_refusal(judge, judge.inputs_of(answers), recorded, excerpt(words, kMostWords));
    // No service sends zeros or ones alone; a model may invert or normalise what other inputs of this shape
    // hold.
    const bool noise_works = std::ranges::any_of(
        good, [](const ExperimentFacts* answer) { return answer->asked.fill == Fill::random; });
    if (noise_works && std::ranges::all_of(answers, is_artificial)) {
      judge.judgement.findings.back().severity = Severity::warning;
    }
    if (words.size() > kMostWords) {
      judge.judgement.findings.back().evidence.push_back(
          {.name = "runtime", .value = first_line(answers.front()->error, 1000)});
    }
  }
  return good;
}

void judge_outputs(Judge& judge, const RuntimeFacts& runtime, const Answers& good) {
  Answers answers;
  for (const ExperimentFacts* answer : good) {
    if (!answer->outputs.empty()) {
      answers.push_back(answer);
    }
  }
  if (answers.size() < good.size()) {
    judge.add("output-absent",
              std::format("{} of {} inferences gave no output tensor; expected at least one",
                          good.size() - answers.size(), good.size()),
              "return a tensor, or a tuple or dict of tensors, from the model's `forward`");
  }
  if (answers.empty()) {
    return;
  }
  judge.inferences += answers.size();
  judge.witness = judge.witness == nullptr ? &runtime.witness : judge.witness;
  judge_finite(judge, answers);
  judge_shape(judge, answers);
  judge_constant(judge, answers);
  const OutputFacts& output = answers.front()->outputs.front();
  judge.judgement.saw("output",
                      std::format("`{}` {} {}", output.name, output.dtype, shape_text(output.shape)));
  for (const ExperimentFacts* answer : answers) {
    if (answer->asked.fill == Fill::sample && answer->asked.sample < judge.facts.model.samples.size()) {
      judge_sample(judge, *answer);
    }
  }
}

// Beyond rounding, as far as the first elements tell.
bool is_other(const OutputFacts& one, const OutputFacts& other) {
  constexpr double kRtol = 1e-3;
  constexpr double kAtol = 1e-5;
  return one.shape != other.shape ||
         !std::ranges::equal(one.first, other.first, [](double actual, double expected) {
           return actual == expected || std::abs(actual - expected) <= kAtol + kRtol * std::abs(expected);
         });
}

// It answers the same input differently, which `eval-mode` finds; so does another runtime then.
bool is_random(const RuntimeFacts& runtime) {
  return std::ranges::any_of(runtime.experiments, [&](const ExperimentFacts& answer) {
    Experiment before = answer.asked;
    before.repetition = 0;
    const ExperimentFacts* other = answer.asked.repetition > 0 ? runtime.find(before) : nullptr;
    return other != nullptr && !answer.outputs.empty() && !other->outputs.empty() &&
           is_other(answer.outputs.front(), other->outputs.front());
  });
}

// What the second witness adds: that the first one's answers are not its own alone.
void judge_second(Judge& judge) {
  const PythonFacts* python = predictor_facts(judge.facts);
  // A `predict` method answers in a form of its own.
  if (!judge.facts.witness_parity || (python != nullptr && python->member == ".predict")) {
    return;
  }
  const std::string second = witness_words(judge.facts.runtimes[1]->witness);
  double largest = 0;
  std::size_t compared = 0;
  Answers differing;
  for (const AnswerPairFacts& answer : judge.facts.witness_parity->answers) {
    if (!answer.not_compared.empty()) {
      continue;
    }
    largest = std::max(largest, apart(answer));
    ++compared;
    if (const ExperimentFacts* asked = judge.facts.runtimes[0]->find(answer.asked);
        !agree(answer) && asked != nullptr) {
      differing.push_back(asked);
    }
  }
  if (compared == 0) {
    return;
  }
  if (!differing.empty() && is_random(*judge.facts.runtimes[0])) {
    judge.judgement.saw(second,
                        "not comparable: the model does not answer the same input alike; see `eval-mode`");
    return;
  }
  judge.judgement.saw(second, std::format("{} of {} answers agree, largest difference {:.2g}",
                                          compared - differing.size(), compared, largest));
  if (!differing.empty()) {
    judge.add("witnesses-differ",
              std::format("{} and {} answer differently to {}: by up to {:.2g}",
                          witness_words(judge.facts.runtimes[0]->witness), second, judge.inputs_of(differing),
                          largest),
              judge.facts.model.architecture.empty() || judge.facts.model.factory.empty()
                  ? std::string("find out which of the two releases the outputs were accepted with")
                  : std::format("correct `{}`: it is another network than the service's",
                                shown_path(judge.facts, judge.facts.model.architecture)));
  }
}

std::string nothing_ran_reason(const Judge& judge) {
  if (!judge.untold.empty()) {
    return join(judge.untold, "; ");
  }
  if (!judge.judgement.findings.empty()) {
    return "no witness ran an inference to its end";
  }
  if (judge.facts.model.inputs.empty() && judge.facts.model.samples.empty()) {
    return "nothing says what the model is called with; give `inputs:` (name, dtype and shape) or `samples:`";
  }
  return no_witness_words(judge.facts);
}

void settle_witness(Judge& judge) {
  if (judge.inferences > 0) {
    judge.judgement.looked_at.insert(
        judge.judgement.looked_at.begin(),
        {.name = "inferences",
         .value = std::format("{} by {}", judge.inferences, witness_words(*judge.witness))});
    if (!judge.untold.empty()) {
      judge.judgement.undecided = join(judge.untold, "; ");
    }
    // A recording of the service's own module that agrees has compared the two, and so has that module itself.
    if (judge.witness->architecture_unverified && judge.agreed_recordings == 0) {
      judge.add(
          "architecture-unverified",
          std::format(
              "`{}` was never compared with the service's own module; what ran is a network of this shape",
              shown_path(judge.facts, judge.facts.model.architecture)),
          "record a sample with the service's own model (`samples: [{input: ..., output: ...}]`); its output "
          "then speaks for both",
          {.file = shown_path(judge.facts, judge.facts.model.architecture), .key = {}});
    }
    return;
  }
  const std::string why = nothing_ran_reason(judge);
  if (judge.options.required || runtime_died(judge.facts)) {
    judge.judgement.undecided = why;
  } else {
    judge.judgement.skipped = "no witness ran an inference, which `required: false` accepts: " + why;
  }
}

}  // namespace

std::vector<Experiment> plan(const ModelDeclaration& model, const Options& options) {
  return usual_inputs(model, options.random, options.samples);
}

Judgement judge(const Facts& facts, const Options& options) {
  Judgement judgement;
  const LabelChoice labels = choose_labels(facts);
  Judge judge{facts, options, labels, judgement, {}, 0, 0, nullptr};
  const std::vector<Experiment> asked = plan(facts.model, options);
  for (const auto& runtime : facts.runtimes) {
    // One witness that ran the model, or was seen to fail at it, is heard out; what another one adds is whether it agrees.
    if (judge.inferences > 0 || !judgement.findings.empty()) {
      break;
    }
    if (!runtime) {
      if (died(runtime) && runtime.absence->kind != AbsenceKind::refused) {
        judge.untold.push_back(absence_text("the model's run", *runtime.absence));
      }
      continue;
    }
    const std::size_t before = judge.untold.size();
    if (judge_load(judge, *runtime)) {
      judge_outputs(judge, *runtime, judge_refusals(judge, *runtime, asked));
    } else if (before > 0) {
      // What is in the way of a second witness too is told already.
      judge.untold.resize(before);
    }
  }
  judge_second(judge);
  settle_witness(judge);
  return judgement;
}

extern const CheckInfo kCheck;
const CheckInfo kCheck = define_check<Options, judge, plan>(
    "inference", kFindings, {.artifact = true, .runtime = true, .conversions = true});

}  // namespace runup::checks::inference
