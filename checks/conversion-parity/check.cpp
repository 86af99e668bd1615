// SPDX-License-Identifier: Apache-2.0
#include "check/check.h"

#include <algorithm>
#include <format>

#include "judge.h"

namespace runup::checks::conversion_parity {

namespace {

bool ran(const std::vector<Observed<RuntimeFacts>>& runtimes) {
  return std::ranges::any_of(runtimes, [](const Observed<RuntimeFacts>& runtime) {
    return runtime && runtime->load.stage == LoadStage::done;
  });
}

std::string why_not_run(const Judge& judge, const std::vector<Observed<RuntimeFacts>>& runtimes,
                        std::uint64_t file) {
  for (const auto& runtime : runtimes) {
    if (runtime) {
      return std::format("blocked: {} could not load `{}`; see `inference`", witness_words(runtime->witness),
                         judge.file(file));
    }
    if (runtime.absence) {
      return absence_text(std::format("the run of `{}`", judge.file(file)), *runtime.absence);
    }
  }
  return std::format("`{}` was not run", judge.file(file));
}

void tell_what_did_not_run(Judge& judge) {
  if (!ran(judge.facts.runtimes)) {
    judge.untold.push_back(judge.facts.runtimes.empty() ? no_witness_words(judge.facts)
                                                        : why_not_run(judge, judge.facts.runtimes, 0));
  }
  for (std::size_t i = 0; i < judge.facts.conversions.size(); ++i) {
    if (!ran(judge.facts.conversions[i].runtimes)) {
      judge.untold.push_back(why_not_run(judge, judge.facts.conversions[i].runtimes, i + 1));
    }
  }
}

}  // namespace

std::string Judge::file(std::uint64_t number) const {
  return number == 0 || number > facts.model.conversions.size()
             ? model_file(facts)
             : shown_path(facts, facts.model.conversions[number - 1].path);
}

void Judge::add(std::string_view id, std::string message, std::string fix, std::uint64_t conversion) {
  judgement.findings.push_back(make_finding(
      kFindings, id, std::move(message), std::move(fix),
      {.file = file(conversion), .key = model_key(facts, std::format("conversions[{}]", conversion - 1))}));
}

std::string difference_words(double value) { return std::format("{:.2g}", value); }

std::vector<Experiment> plan(const ModelDeclaration& model, const Options& options) {
  return usual_inputs(model, options.random, options.samples);
}

Judgement judge(const Facts& facts, const Options& options) {
  if (facts.model.conversions.empty()) {
    return Judgement::skip("the config names no `conversions:` of this model");
  }
  Judgement judgement;
  Judge judge{facts, options, judgement, {}, std::vector<bool>(facts.model.conversions.size(), false)};
  if (facts.model.inputs.empty() && facts.model.samples.empty()) {
    judge.untold.emplace_back(
        "nothing says what the model is called with; give `inputs:` (name, dtype and shape) or `samples:`");
  } else {
    tell_what_did_not_run(judge);
  }
  for (const ParityFacts& parity : facts.parity) {
    judge_answers(judge, parity);
  }
  for (std::size_t i = 0; options.weights && i < facts.conversions.size(); ++i) {
    judge_weights(judge, i);
  }
  if (!judge.untold.empty()) {
    judgement.undecided = join(judge.untold, "; ");
  }
  return judgement;
}

extern const CheckInfo kCheck;
const CheckInfo kCheck = define_check<Options, judge, plan>(
    "conversion-parity", kFindings, {.artifact = true, .runtime = true, .parity = true});

}  // namespace runup::checks::conversion_parity
