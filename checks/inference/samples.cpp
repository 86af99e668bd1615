// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <format>

#include "judge.h"

namespace runup::checks::inference {

namespace {

void judge_comparison(Judge& judge, const ExperimentFacts& answer, const OutputFacts& output,
                      const ComparisonFacts& seen) {
  const SampleDeclaration& sample = judge.facts.model.samples[answer.asked.sample];
  const std::string input = input_words(judge.facts.model, answer.asked);
  const std::string fix =
      "deploy the weights that the sample was recorded with, or record it again with these; for a difference "
      "in rounding alone "
      "raise the sample's `rtol`";
  const Location where{.file = shown_path(judge.facts, sample.output),
                       .key = model_key(judge.facts, std::format("samples[{}]", answer.asked.sample))};
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
    ++judge.agreed_recordings;
    // The first output is what everybody means; others are named.
    const bool first = &output == &answer.outputs.front();
    judge.judgement.saw(input, std::format("{}as recorded, largest difference {:.2g}",
                                           first ? "" : std::format("`{}` ", output.name), seen.max_abs));
  }
}

void judge_recorded_output(Judge& judge, const ExperimentFacts& answer) {
  const SampleDeclaration& sample = judge.facts.model.samples[answer.asked.sample];
  if (sample.output.empty()) {
    return;
  }
  bool compared = false;
  for (const OutputFacts& output : answer.outputs) {
    if (output.comparison) {
      judge_comparison(judge, answer, output, *output.comparison);
      compared = true;
    }
  }
  if (!compared) {
    judge.untold.push_back(std::format("the output for {} was not compared with `{}`",
                                       input_words(judge.facts.model, answer.asked),
                                       shown_path(judge.facts, sample.output)));
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
  const Location where{.file = {},
                       .key = model_key(judge.facts, std::format("samples[{}].label", answer.asked.sample))};
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

}  // namespace

void judge_sample(Judge& judge, const ExperimentFacts& answer) {
  judge_recorded_output(judge, answer);
  judge_recorded_label(judge, answer);
}

}  // namespace runup::checks::inference
