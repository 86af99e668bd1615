// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <format>

#include "base/text.h"
#include "judge.h"

namespace runup::checks::input_shape {

namespace {

struct FixedTrials {
  const FixedPlan* fixed = nullptr;
  Trials all;
  Trials accepted;

  // not only what broadcasting takes
  bool moves() const {
    return std::ranges::any_of(accepted, [](const Trial& trial) { return trial.size != 1; });
  }
};
using Several = std::vector<const FixedTrials*>;

// "`image[2]` (declared 224; 225 and 223 work) and ..."
std::string words_of(const Several& several) {
  std::vector<std::string> words;
  for (const FixedTrials* one : several) {
    words.push_back(std::format("`{}` (declared {}; {} {})", one->fixed->name, one->fixed->declared,
                                sizes_text(one->accepted),
                                one->accepted.size() == 1 ? "works too" : "work too"));
  }
  return join_words(words, 4);
}

bool all_floating(const ModelDeclaration& model) {
  return std::ranges::all_of(model.inputs, [](const InputDeclaration& input) {
    return input.dtype == DType::float32 || input.dtype == DType::float64 || input.dtype == DType::float16 ||
           input.dtype == DType::bfloat16;
  });
}

// The outputs have the same shapes as with the declared size. One that follows the input (a denoiser's) shows
// that the size was never meant to be fixed.
bool outputs_stay(const Judge& judge, const FixedTrials& one) {
  const Trial base = judge.trial(experiment_of(judge.facts.model, judge.plan.beside), 0);
  return base.told == Told::works && std::ranges::all_of(one.accepted, [&](const Trial& trial) {
           return std::ranges::equal(base.answer->outputs, trial.answer->outputs, {}, &OutputFacts::shape,
                                     &OutputFacts::shape);
         });
}

void saw_refusals(Judge& judge, const FixedTrials& one) {
  const Trials refused = with(one.all, Told::fails);
  if (!refused.empty()) {
    judge.saw(std::format("`{}`", one.fixed->name),
              std::format("{} refused: {}", sizes_text(refused), in_quotes(refused.front().words)));
  }
  for (const Trial& trial : with(one.all, Told::untold)) {
    judge.saw(std::format("`{}`", one.fixed->name), std::format("{} not told: {}", trial.size, trial.words));
  }
}

void add_must_refuse(Judge& judge, const Several& several) {
  if (several.empty()) {
    return;
  }
  Finding& finding = judge.add(
      "wrong-size-accepted",
      std::format("the model takes other sizes of {}; expected it to refuse them, as `refuse` says",
                  words_of(several)),
      "check the sizes at the start of the model's `forward` (`assert x.size(2) == 147`), or in the service "
      "before the model");
  finding.severity = Severity::error;
}

void add_accepted(Judge& judge, const Several& several, bool anything_refused) {
  if (several.empty()) {
    return;
  }
  const bool by_broadcasting = std::ranges::none_of(several, &FixedTrials::moves);
  Finding& finding = judge.add(
      "wrong-size-accepted",
      std::format(
          "the model takes other sizes of {}{}; expected them to be refused, as a client's mistake gets an "
          "answer otherwise",
          words_of(several), by_broadcasting ? ", by broadcasting" : ""),
      "check the sizes in the service before the model; where other sizes are meant to work, make them an "
      "axis "
      "with a `range`");
  // Pooling takes images and clips of any size, and tokens come in any number. A model that takes everything
  // and always answers alike would not notice features of another pre-processing either.
  if (!anything_refused && all_floating(judge.facts.model) &&
      std::ranges::any_of(several, [&](const FixedTrials* one) {
        return one->moves() && !one->fixed->is_batch && outputs_stay(judge, *one);
      })) {
    finding.severity = Severity::warning;
  }
}

void add_moving(Judge& judge, const Several& several) {
  if (several.empty()) {
    return;
  }
  judge.add("fixed-axis-moves",
            std::format("other sizes work of {}, without a `range` in the config", words_of(several)),
            "give the axis the `range` of sizes that clients may send, so that they are tested");
}

// The options are those of all models, so that a name may be another model's; one that is nearly this one's is
// a slip.
void check_names(Judge& judge) {
  const std::vector<std::string> names = dimension_names(judge.facts.model);
  std::vector<std::string> asked = judge.options.refuse;
  for (const auto& [axis, step] : judge.options.step) {
    asked.push_back(axis);
  }
  for (const std::string& name : asked) {
    if (std::ranges::find(names, name) != names.end()) {
      continue;
    }
    if (const auto guess = did_you_mean(name, names)) {
      judge.untold.push_back(std::format(
          "the options name `{}`, which is no axis or dimension of the inputs; did you mean `{}`?", name,
          *guess));
    } else {
      judge.saw(std::format("option for `{}`", name), "no axis or dimension of this model");
    }
  }
}

}  // namespace

void judge_fixed(Judge& judge) {
  check_names(judge);
  const Trial base = judge.trial(experiment_of(judge.facts.model, judge.plan.beside), 0);
  if (base.told != Told::works) {
    // Then a refusal says nothing.
    return;
  }
  std::vector<FixedTrials> all;
  for (const FixedPlan& fixed : judge.plan.fixed) {
    FixedTrials one{.fixed = &fixed};
    for (const std::int64_t size : fixed.sizes) {
      one.all.push_back(judge.trial(experiment_of(judge.facts.model, judge.plan, fixed, size), size));
    }
    one.accepted = with(one.all, Told::works);
    all.push_back(std::move(one));
  }
  Several must;
  Several accepted;
  Several moving;
  for (const FixedTrials& one : all) {
    saw_refusals(judge, one);
    if (!one.accepted.empty()) {
      (one.fixed->must_refuse ? must : one.fixed->is_axis ? moving : accepted).push_back(&one);
    }
    // What must be shown and is not, is no pass.
    if (one.fixed->must_refuse && with(one.all, Told::fails).empty() && one.accepted.empty()) {
      judge.untold.push_back(
          std::format("whether other sizes of `{}` are refused could not be told", one.fixed->name));
    }
  }
  const bool anything_refused = std::ranges::any_of(
      all, [](const FixedTrials& one) { return !with(one.all, Told::fails).empty() && !one.moves(); });
  add_must_refuse(judge, must);
  add_accepted(judge, accepted, anything_refused);
  add_moving(judge, moving);
}

}  // namespace runup::checks::input_shape
