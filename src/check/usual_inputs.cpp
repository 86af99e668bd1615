// SPDX-License-Identifier: Apache-2.0
#include "check/usual_inputs.h"

#include <algorithm>
#include <format>

#include "check/wording.h"

namespace runup {

namespace {

// Zeros and ones are token ids like others only where the declared range holds them.
bool takes(const ModelDeclaration& model, std::int64_t value) {
  return std::ranges::all_of(model.inputs, [&](const InputDeclaration& input) {
    return !input.range || (input.range->low <= value && value < input.range->high);
  });
}

std::string sample_file(const SampleDeclaration& sample) {
  const std::string& path =
      sample.input.empty() && !sample.inputs.empty() ? sample.inputs.begin()->second : sample.input;
  return path.substr(path.rfind('/') + 1);
}

}  // namespace

std::vector<Experiment> usual_inputs(const ModelDeclaration& model, std::uint64_t random, bool samples) {
  std::vector<Experiment> experiments;
  const auto add = [&](Fill fill, std::uint64_t seed, std::uint64_t sample) {
    experiments.push_back({.kind = ExperimentKind::infer, .fill = fill, .seed = seed, .sample = sample});
  };
  if (!model.inputs.empty()) {
    for (std::uint64_t seed = 1; seed <= random; ++seed) {
      add(Fill::random, seed, 0);
    }
    if (takes(model, 0)) {
      add(Fill::zeros, 0, 0);
    }
    if (takes(model, 1)) {
      add(Fill::ones, 0, 0);
    }
  }
  for (std::uint64_t sample = 0; samples && sample < model.samples.size(); ++sample) {
    add(Fill::sample, 0, sample);
  }
  return experiments;
}

std::string input_words(const ModelDeclaration& model, const Experiment& asked) {
  switch (asked.fill) {
    case Fill::random:
      return std::format("random values (seed {})", asked.seed);
    case Fill::zeros:
      return "zeros";
    case Fill::ones:
      return "ones";
    case Fill::sample:
      break;
  }
  const bool known = asked.sample < model.samples.size();
  return std::format("sample {}{}", asked.sample + 1,
                     known ? std::format(" (`{}`)", sample_file(model.samples[asked.sample])) : "");
}

}  // namespace runup
