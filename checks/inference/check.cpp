// SPDX-License-Identifier: Apache-2.0
#include "check/check.h"

#include <algorithm>
#include <array>
#include <format>

#include "answers.h"
#include "base/text.h"
#include "check/wording.h"
#include "facts/labels.h"

namespace runup::checks::inference {

struct Options {
  bool required = true;
  bool samples = true;
  std::uint64_t random = 2;
  std::vector<Dimension> output_shape;
  static constexpr auto fields() {
    return std::tuple{
        Field{"required", &Options::required,
              "false accepts a model that nothing could run; every report says so"},
        Field{"samples", &Options::samples, "also run the recorded `samples:`"},
        Field{"random", &Options::random, "how many inputs of random values", Rule{.min = 0, .max = 100}},
        Field{"output_shape", &Options::output_shape,
              "sizes, or names of axes, that the first output must have"}};
  }
};

constexpr std::array kFindings{
    FindingInfo{"load-failed", Severity::error, "a runtime could not load the model"},
    FindingInfo{"architecture-broken", Severity::error,
                "the file that `architecture:` names does not compile or load"},
    FindingInfo{"refused-input", Severity::error, "the model refuses an input that the config declares"},
    FindingInfo{"non-finite", Severity::error, "the output has NaN or infinity"},
    FindingInfo{"no-output", Severity::error, "the model ran and gave nothing"},
    FindingInfo{"wrong-shape", Severity::error, "the output has another shape than it must have"},
    FindingInfo{"constant-output", Severity::error, "different inputs give the same output"},
    FindingInfo{"sample-mismatch", Severity::error,
                "a recorded sample gives another output than was recorded"},
    FindingInfo{"wrong-label", Severity::error,
                "a recorded sample is given another label than the expected one"},
    FindingInfo{"unknown-label", Severity::error, "a sample expects a label that the model does not know"},
    FindingInfo{"architecture-unverified", Severity::note,
                "the model was run in an architecture that was never compared with the service's own"}};

namespace {

Experiment infer(Fill fill, std::uint64_t seed, std::uint64_t sample) {
  return {.kind = ExperimentKind::infer, .fill = fill, .seed = seed, .sample = sample};
}

// Zeros and ones are token ids like others only where the declared range holds them.
bool takes(const ModelDeclaration& model, std::int64_t value) {
  return std::ranges::all_of(model.inputs, [&](const InputDeclaration& input) {
    return !input.range || (input.range->low <= value && value < input.range->high);
  });
}

struct Judge {
  const Facts& facts;
  const Options& options;
  const LabelChoice& labels;
  Judgement& judgement;
  // what could not be told
  std::vector<std::string> untold;
  std::uint64_t inferences = 0;
  const WitnessFacts* witness = nullptr;

  void add(std::string_view id, std::string message, std::string fix, Location where) {
    judgement.findings.push_back(
        make_finding(kFindings, id, std::move(message), std::move(fix), std::move(where)));
  }
  void add(std::string_view id, std::string message, std::string fix) {
    add(id, std::move(message), std::move(fix), model_location(facts));
  }
  std::string inputs_of(const std::vector<const ExperimentFacts*>& answers) const {
    std::vector<std::string> words;
    for (const ExperimentFacts* answer : answers) {
      words.push_back(input_words(facts.model, answer->asked));
    }
    return join_words(words, 4);
  }
};

using Answers = std::vector<const ExperimentFacts*>;

// True when the model is loaded.
bool judge_load(Judge& judge, const RuntimeFacts& runtime) {
  const LoadFacts& load = runtime.load;
  const std::string words = excerpt(first_line(load.error), 300);
  const std::string who = std::format("{} {}", runtime.witness.library, runtime.witness.version);
  switch (load.stage) {
    case LoadStage::done:
      return true;
    case LoadStage::architecture: {
      const std::string file = shown_path(judge.facts, judge.facts.model.architecture);
      judge.add("architecture-broken", std::format("{} cannot build `{}`: {}", who, file, words),
                "correct the architecture: TorchScript source with `def forward(state_dict: Dict[str, "
                "Tensor], x: Tensor) -> "
                "Tensor`, or an archive of `torch.jit.script`",
                {.file = file, .key = std::format("models.{}.architecture", judge.facts.model_name)});
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
      break;
    case LoadStage::artifact:
      break;
  }
  if (const auto damage = damage_obstacle(judge.facts)) {
    judge.untold.push_back("blocked: " + *damage);
  } else {
    judge.add("load-failed",
              std::format("{} could not load the model (stage `{}`): {}", who, enum_name(load.stage), words),
              "load the file by hand with the service's own PyTorch, and save it again with that release");
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
    const std::string shape = example_shape(judge.facts.model);
    const bool recorded = answers.front()->asked.fill == Fill::sample;
    judge.add(
        "refused-input",
        std::format("the model refuses {}{}: {}", judge.inputs_of(answers),
                    recorded || shape.empty() ? "" : std::format(" of the declared shape {}", shape),
                    excerpt(words, 300)),
        recorded
            ? "record the sample again with the pre-processing that the service has now, or correct `inputs:`"
            : "declare in `inputs:` and `axes:` what the service really sends, or deploy the weights of the "
              "model that "
              "takes it");
    judge.judgement.findings.back().evidence.push_back(
        {.name = "runtime", .value = first_line(answers.front()->error, 1000)});
  }
  return good;
}

void judge_finite(Judge& judge, const Answers& answers) {
  Answers bad;
  for (const ExperimentFacts* answer : answers) {
    if (std::ranges::any_of(answer->outputs, [](const OutputFacts& output) {
          return output.nan_count + output.inf_count > 0;
        })) {
      bad.push_back(answer);
    }
  }
  if (bad.empty()) {
    return;
  }
  const auto& outputs = bad.front()->outputs;
  const OutputFacts& output = *std::ranges::find_if(
      outputs, [](const OutputFacts& each) { return each.nan_count + each.inf_count > 0; });
  judge.add("non-finite",
            std::format("`{}` has {} NaN and {} infinite of {} for {}; expected finite numbers", output.name,
                        output.nan_count, output.inf_count, count_of(output.elements, "element", "elements"),
                        judge.inputs_of(bad)),
            "look for NaN or negative variances in the weights (`{k for k, v in state_dict.items() if not "
            "v.isfinite().all()}`) and "
            "go back to an earlier checkpoint");
  // An input of zeros or ones alone is no recording: real ones came out well.
  const bool only_artificial =
      bad.size() < answers.size() && std::ranges::all_of(
                                         bad,
                                         [](const ExperimentFacts* answer) {
                                           return answer->asked.fill == Fill::zeros ||
                                                  answer->asked.fill == Fill::ones;
                                         });
  if (only_artificial) {
    judge.judgement.findings.back().severity = Severity::warning;
  }
}

// The size that a named axis has in an experiment; nothing for a sample, whose sizes are its own.
std::optional<std::int64_t> axis_size(const ModelDeclaration& model, const Experiment& asked,
                                      const std::string& axis) {
  if (asked.fill == Fill::sample) {
    return std::nullopt;
  }
  if (const auto own = asked.axes.find(axis); own != asked.axes.end()) {
    return own->second;
  }
  const auto declared = model.axes.find(axis);
  return declared == model.axes.end() ? std::nullopt : std::optional(declared->second.example);
}

// The shape that the first output must have: from the option, else only the batch axis at its front.
std::vector<Dimension> wanted_shape(const Judge& judge) {
  if (!judge.options.output_shape.empty()) {
    return judge.options.output_shape;
  }
  const auto& inputs = judge.facts.model.inputs;
  const bool batched =
      !inputs.empty() && !inputs.front().shape.empty() && inputs.front().shape.front().axis == "batch";
  return batched ? std::vector<Dimension>{inputs.front().shape.front()} : std::vector<Dimension>{};
}

bool has_shape(const Judge& judge, const ExperimentFacts& answer, const std::vector<Dimension>& wanted) {
  const std::vector<std::int64_t>& shape = answer.outputs.front().shape;
  const bool whole = !judge.options.output_shape.empty();
  if (shape.size() < wanted.size() || (whole && shape.size() != wanted.size())) {
    return false;
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto size = wanted[i].axis.empty() ? std::optional(wanted[i].size)
                                             : axis_size(judge.facts.model, answer.asked, wanted[i].axis);
    if (size && *size != shape[i]) {
      return false;
    }
  }
  return true;
}

std::string dimensions_text(const std::vector<Dimension>& shape, bool whole) {
  std::vector<std::string> words;
  for (const Dimension& dimension : shape) {
    words.push_back(dimension.axis.empty() ? std::to_string(dimension.size) : dimension.axis);
  }
  return "[" + join(words, ", ") + (whole ? "]" : ", ...]");
}

void judge_shape(Judge& judge, const Answers& answers) {
  const std::vector<Dimension> wanted = wanted_shape(judge);
  Answers bad;
  for (const ExperimentFacts* answer : answers) {
    if (answer->outputs.front().elements == 0 || !has_shape(judge, *answer, wanted)) {
      bad.push_back(answer);
    }
  }
  if (bad.empty()) {
    return;
  }
  const OutputFacts& output = bad.front()->outputs.front();
  judge.add("wrong-shape",
            std::format("`{}` is {} for {}; expected {}", output.name, shape_text(output.shape),
                        judge.inputs_of(bad),
                        output.elements == 0 ? "at least one element"
                                             : dimensions_text(wanted, !judge.options.output_shape.empty())),
            "keep the batch axis through the model (no `squeeze()` without a dimension), or correct "
            "`inputs:` and `output_shape`");
}

void judge_constant(Judge& judge, const Answers& answers) {
  Answers different;
  for (const ExperimentFacts* answer : answers) {
    if (answer->asked.fill != Fill::random || inputs_differ(judge.facts.model)) {
      different.push_back(answer);
    }
  }
  const bool floating = std::ranges::all_of(different, [](const ExperimentFacts* answer) {
    return answer->outputs.front().dtype.contains("float");
  });
  if (!floating || !same_output(different)) {
    return;
  }
  const OutputFacts& output = different.front()->outputs.front();
  judge.add(
      "constant-output",
      std::format(
          "{} different inputs ({}) give the same `{}`, {} to {}; expected outputs that depend on the input",
          different.size(), judge.inputs_of(different), output.name, output.min, output.max),
      "look for weights that are all zero or were never loaded (`strict=False`), and for inputs that "
      "pre-processing wipes out");
  // A single saturated number is a plausible answer to noise.
  if (output.elements == 1) {
    judge.judgement.findings.back().severity = Severity::warning;
  }
}

void judge_recorded_output(Judge& judge, const ExperimentFacts& answer) {
  const SampleDeclaration& sample = judge.facts.model.samples[answer.asked.sample];
  if (sample.output.empty()) {
    return;
  }
  const std::string input = input_words(judge.facts.model, answer.asked);
  const OutputFacts& output = answer.outputs.front();
  if (!output.comparison) {
    judge.untold.push_back(std::format("the output for {} was not compared with `{}`", input,
                                       shown_path(judge.facts, sample.output)));
    return;
  }
  const ComparisonFacts& seen = *output.comparison;
  const std::string fix =
      "deploy the weights that the sample was recorded with, or record it again with these; for a difference "
      "in rounding alone "
      "raise the sample's `rtol`";
  const Location where{
      .file = shown_path(judge.facts, sample.output),
      .key = std::format("models.{}.samples[{}]", judge.facts.model_name, answer.asked.sample)};
  if (!seen.same_shape) {
    judge.add("sample-mismatch",
              std::format("{} gives `{}` of shape {}; the recorded output has {}", input, output.name,
                          shape_text(output.shape), shape_text(seen.expected_shape)),
              fix, where);
  } else if (seen.beyond_tolerance > 0) {
    judge.add("sample-mismatch",
              std::format("{} gives {} of {} beyond tolerance (rtol {:g}, atol {:g}); the worst is {:g} at "
                          "{}, {:g} was recorded; "
                          "rtol {:.2g} would pass",
                          input, seen.beyond_tolerance, count_of(output.elements, "element", "elements"),
                          seen.rtol, seen.atol, seen.worst_actual, shape_text(seen.worst_index),
                          seen.worst_expected, seen.passing_rtol),
              fix, where);
  } else {
    judge.judgement.saw(input, std::format("as recorded, largest difference {:.2g}", seen.max_abs));
  }
}

// The class that an answer's first row is given, by name; empty when it cannot be named.
std::string predicted_name(const Judge& judge, const OutputFacts& output) {
  if (judge.labels.chosen == nullptr || output.top1.empty() || output.shape.empty()) {
    return {};
  }
  const std::vector<std::string>& classes = judge.labels.chosen->classes;
  const std::int64_t index = output.top1.front();
  // With another number of classes than outputs every name is a guess.
  if (output.shape.back() != static_cast<std::int64_t>(classes.size()) || index < 0 ||
      index >= output.shape.back()) {
    return {};
  }
  return classes[static_cast<std::size_t>(index)];
}

std::string unnamed_reason(const Judge& judge, const OutputFacts& output) {
  if (judge.labels.chosen == nullptr) {
    return judge.labels.why_not.empty() ? "the label file was not observed" : judge.labels.why_not;
  }
  return std::format("the output cannot be named while {} classes meet {} outputs; see `label-encoder`",
                     judge.labels.chosen->classes.size(), output.shape.empty() ? 0 : output.shape.back());
}

void judge_recorded_label(Judge& judge, const ExperimentFacts& answer) {
  const SampleDeclaration& sample = judge.facts.model.samples[answer.asked.sample];
  const OutputFacts& output = answer.outputs.front();
  const std::string name = predicted_name(judge, output);
  const std::string input = input_words(judge.facts.model, answer.asked);
  if (!name.empty()) {
    judge.judgement.saw(input,
                        std::format("predicted `{}` ({:.2f})", printable(name), output.top1_probability));
  }
  if (sample.label.empty()) {
    return;
  }
  const Location where{
      .file = {},
      .key = std::format("models.{}.samples[{}].label", judge.facts.model_name, answer.asked.sample)};
  const std::vector<std::string> none;
  const std::vector<std::string>& classes =
      judge.labels.chosen != nullptr ? judge.labels.chosen->classes : none;
  if (!classes.empty() && std::ranges::find(classes, sample.label) == classes.end()) {
    const auto near = did_you_mean(sample.label, classes);
    judge.add("unknown-label",
              std::format("{} expects `{}`, which is none of the {} classes of {}{}", input,
                          printable(sample.label), classes.size(), judge.labels.name,
                          near ? std::format("; did you mean `{}`?", *near) : ""),
              "correct the sample's `label:`, or deploy the encoder that knows it", where);
  } else if (name.empty()) {
    judge.untold.push_back(std::format("blocked: {} expects `{}`: {}", input, printable(sample.label),
                                       unnamed_reason(judge, output)));
  } else if (name != sample.label) {
    judge.add("wrong-label",
              std::format("{} is predicted as `{}` ({:.2f}); expected `{}`", input, printable(name),
                          output.top1_probability, printable(sample.label)),
              "deploy weights and label encoder of the same training run; when only the names are swapped, "
              "the encoder is from another one",
              where);
  }
}

void judge_outputs(Judge& judge, const RuntimeFacts& runtime, const Answers& good) {
  Answers answers;
  for (const ExperimentFacts* answer : good) {
    if (!answer->outputs.empty()) {
      answers.push_back(answer);
    }
  }
  if (answers.size() < good.size()) {
    judge.add("no-output",
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
      judge_recorded_output(judge, *answer);
      judge_recorded_label(judge, *answer);
    }
  }
}

std::string nothing_ran_reason(const Judge& judge) {
  if (!judge.untold.empty()) {
    return join(judge.untold, "; ");
  }
  if (judge.facts.model.inputs.empty() && judge.facts.model.samples.empty()) {
    return "nothing says what the model is called with; give `inputs:` (name, dtype and shape) or `samples:`";
  }
  return no_witness_words(judge.facts);
}

void settle_witness(Judge& judge) {
  if (judge.inferences > 0) {
    judge.judgement.saw("inferences",
                        std::format("{} by {}", judge.inferences, witness_words(*judge.witness)));
    if (!judge.untold.empty()) {
      judge.judgement.undecided = join(judge.untold, "; ");
    }
    if (judge.witness->architecture_unverified) {
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
  if (judge.options.required) {
    judge.judgement.undecided = why;
  } else {
    judge.judgement.skipped = "no witness ran an inference, which `required: false` accepts: " + why;
  }
}

}  // namespace

std::vector<Experiment> plan(const ModelDeclaration& model, const Options& options) {
  std::vector<Experiment> experiments;
  if (!model.inputs.empty()) {
    for (std::uint64_t seed = 1; seed <= options.random; ++seed) {
      experiments.push_back(infer(Fill::random, seed, 0));
    }
    if (takes(model, 0)) {
      experiments.push_back(infer(Fill::zeros, 0, 0));
    }
    if (takes(model, 1)) {
      experiments.push_back(infer(Fill::ones, 0, 0));
    }
  }
  for (std::uint64_t sample = 0; options.samples && sample < model.samples.size(); ++sample) {
    experiments.push_back(infer(Fill::sample, 0, sample));
  }
  return experiments;
}

Judgement judge(const Facts& facts, const Options& options) {
  Judgement judgement;
  const LabelChoice labels = choose_labels(facts);
  Judge judge{facts, options, labels, judgement, {}, 0, nullptr};
  const std::vector<Experiment> asked = plan(facts.model, options);
  for (const auto& runtime : facts.runtimes) {
    if (!runtime) {
      continue;
    }
    if (judge_load(judge, *runtime)) {
      judge_outputs(judge, *runtime, judge_refusals(judge, *runtime, asked));
    }
  }
  settle_witness(judge);
  return judgement;
}

extern const CheckInfo kCheck;
const CheckInfo kCheck =
    define_check<Options, judge, plan>("inference", kFindings, {.artifact = true, .runtime = true});

}  // namespace runup::checks::inference
