// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <format>
#include <iterator>

#include "base/text.h"
#include "facts/runtime_words.h"
#include "judge.h"

namespace runup::checks::input_shape {

namespace {

constexpr std::size_t kMostSizes = 40;
constexpr std::size_t kMostWords = 300;

}  // namespace

Trial Judge::trial(const Experiment& experiment, std::int64_t size) const {
  Trial trial{.size = size};
  const ExperimentFacts* answer = runtime->find(experiment);
  if (answer == nullptr) {
    trial.words = std::format("{} gave no answer", witness_words(runtime->witness));
  } else if (answer->absence) {
    trial.words = absence_text("the answer", *answer->absence);
  } else if (says_out_of_memory(answer->error)) {
    trial.words = "memory ran out: " + in_quotes(answer->error);
  } else if (!answer->error.empty()) {
    trial.told = Told::fails;
    trial.words = answer->error;
  } else {
    trial.told = Told::works;
    trial.answer = answer;
  }
  return trial;
}

Trials with(const Trials& trials, Told told) {
  Trials some;
  std::ranges::copy_if(trials, std::back_inserter(some),
                       [&](const Trial& trial) { return trial.told == told; });
  return some;
}

std::string sizes_text(const Trials& trials) {
  std::vector<std::string> words;
  for (const Trial& trial : trials) {
    words.push_back(std::to_string(trial.size));
  }
  return join_words(words, kMostSizes);
}

std::string combination_text(const Sizes& sizes) {
  std::vector<std::string> words;
  for (const auto& [name, size] : sizes) {
    words.push_back(std::format("`{}` {}", name, size));
  }
  return join_words(words);
}

std::string beside_text(const ModelDeclaration& model, const Sizes& beside) {
  Sizes other;
  for (const auto& [name, size] : beside) {
    const auto declared = model.axes.find(name);
    if (declared == model.axes.end() || declared->second.example != size) {
      other[name] = size;
    }
  }
  return other.empty() ? "" : ", with " + combination_text(other);
}

std::string cause_of(std::string_view words) {
  std::string cause;
  for (const char c : first_line(words, kMostWords)) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit) {
      cause += c;
    } else if (!cause.ends_with('#')) {
      cause += '#';
    }
  }
  return cause;
}

std::string in_quotes(std::string_view words) { return excerpt(first_line(words, kMostWords), kMostWords); }

}  // namespace runup::checks::input_shape
