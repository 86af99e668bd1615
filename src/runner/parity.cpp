// SPDX-License-Identifier: Apache-2.0
#include "runner/parity.h"

#include <algorithm>
#include <format>
#include <optional>

#include "base/text.h"
#include "check/check.h"
#include "probes/protocol/channel.h"
#include "probes/runtime/compare.h"

namespace runup {

namespace {

bool is_unnamed(const OutputFacts& output) { return output.name.starts_with("output["); }

bool is_loaded(const FileAnswers& file) {
  return file.runtime != nullptr && *file.runtime && (*file.runtime)->load.stage == LoadStage::done;
}

// What one conversion declares of an output, by the original's name.
struct OutputRules {
  std::string name;
  double rtol = 0;
  double atol = 0;
};

OutputRules rules_of(const ModelDeclaration& model, std::size_t file, const std::string& original) {
  if (file == 0) {
    return {.name = original};
  }
  const ConversionDeclaration& conversion = model.conversions[file - 1];
  OutputRules rules{.name = original, .rtol = conversion.rtol, .atol = conversion.atol};
  if (const auto own = conversion.outputs.find(original); own != conversion.outputs.end()) {
    rules.name = own->second.name.empty() ? original : own->second.name;
    rules.rtol = own->second.rtol.value_or(rules.rtol);
    rules.atol = own->second.atol.value_or(rules.atol);
  }
  return rules;
}

// The original's name of a file's output.
std::string original_name(const ModelDeclaration& model, std::size_t file, const std::string& name) {
  if (file > 0) {
    for (const auto& [original, declared] : model.conversions[file - 1].outputs) {
      if (declared.name == name) {
        return original;
      }
    }
  }
  return name;
}

bool nan_is_equal(const ModelDeclaration& model, std::size_t file) {
  return file == 0 || model.conversions[file - 1].nan == NanRule::equal;
}

class PairOfFiles {
 public:
  PairOfFiles(const ModelDeclaration& model, const std::vector<FileAnswers>& files, std::size_t reference,
              std::size_t candidate)
      : model_(model),
        reference_(reference),
        candidate_(candidate),
        reference_file_(files[reference]),
        candidate_file_(files[candidate]) {}

  ParityFacts compare(const std::vector<Experiment>& asked) const {
    ParityFacts facts{.reference = reference_, .candidate = candidate_};
    for (const Experiment& experiment : asked) {
      facts.answers.push_back(compare(experiment));
    }
    return facts;
  }

 private:
  static std::string why_no_answer(const FileAnswers& file, const ExperimentFacts* answer) {
    const std::string who = (*file.runtime)->witness.library;
    if (answer == nullptr) {
      return std::format("{} gave no answer", who);
    }
    if (answer->absence) {
      return absence_text(who, *answer->absence);
    }
    return answer->error.empty() ? "" : std::format("{} refused it: {}", who, answer->error);
  }

  AnswerPairFacts compare(const Experiment& experiment) const {
    AnswerPairFacts facts{.asked = experiment};
    const ExperimentFacts* expected = (*reference_file_.runtime)->find(experiment);
    const ExperimentFacts* actual = (*candidate_file_.runtime)->find(experiment);
    facts.not_compared = why_no_answer(reference_file_, expected);
    if (facts.not_compared.empty()) {
      facts.not_compared = why_no_answer(candidate_file_, actual);
    }
    if (facts.not_compared.empty()) {
      pair_outputs(expected->outputs, actual->outputs, facts);
    }
    return facts;
  }

  void pair_outputs(const std::vector<OutputFacts>& expected, const std::vector<OutputFacts>& actual,
                    AnswerPairFacts& facts) const {
    const bool in_order =
        std::ranges::all_of(expected, is_unnamed) || std::ranges::all_of(actual, is_unnamed);
    std::vector<bool> used(actual.size(), false);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const std::string original = original_name(model_, reference_, expected[i].name);
      const OutputRules rules = rules_of(model_, candidate_, original);
      const bool renamed = rules.name != original;
      std::size_t partner = actual.size();
      for (std::size_t j = 0; j < actual.size(); ++j) {
        const bool by_name = !used[j] && actual[j].name == rules.name;
        if (by_name || (in_order && !renamed && i == j && !used[j])) {
          partner = j;
          break;
        }
      }
      if (partner == actual.size()) {
        facts.only_in_reference.push_back(expected[i].name);
        continue;
      }
      used[partner] = true;
      compare_outputs_of(expected[i], actual[partner], original, facts);
    }
    for (std::size_t j = 0; j < actual.size(); ++j) {
      if (!used[j]) {
        facts.only_in_candidate.push_back(actual[j].name);
      }
    }
  }

  void compare_outputs_of(const OutputFacts& expected, const OutputFacts& actual, const std::string& original,
                          AnswerPairFacts& facts) const {
    const auto reference = reference_file_.store->find(expected);
    const auto candidate = candidate_file_.store->find(actual);
    if (!reference || !candidate) {
      facts.not_compared = std::format("output `{}` was not kept ({} of {} elements; at most {} are kept)",
                                       printable(expected.name), expected.dtype, expected.elements,
                                       format_bytes(kMostKeptBytes));
      return;
    }
    const OutputRules first = rules_of(model_, reference_, original);
    const OutputRules second = rules_of(model_, candidate_, original);
    auto pair =
        compare_pair(*reference, *candidate,
                     {.rtol = first.rtol + second.rtol,
                      .atol = first.atol + second.atol,
                      .nan_is_equal = nan_is_equal(model_, reference_) && nan_is_equal(model_, candidate_)});
    if (pair) {
      facts.outputs.push_back(std::move(*pair));
    } else {
      facts.not_compared = pair.error().describe();
    }
  }

  const ModelDeclaration& model_;
  std::size_t reference_;
  std::size_t candidate_;
  const FileAnswers& reference_file_;
  const FileAnswers& candidate_file_;
};

}  // namespace

std::vector<ParityFacts> compare_files(const ModelDeclaration& model, const std::vector<FileAnswers>& files,
                                       const std::vector<Experiment>& asked) {
  std::vector<ParityFacts> all;
  for (std::size_t reference = 0; reference < files.size(); ++reference) {
    for (std::size_t candidate = reference + 1; candidate < files.size(); ++candidate) {
      if (is_loaded(files[reference]) && is_loaded(files[candidate])) {
        all.push_back(PairOfFiles(model, files, reference, candidate).compare(asked));
      }
    }
  }
  return all;
}

std::optional<ParityFacts> compare_witnesses(const ModelDeclaration& model, const FileAnswers& first,
                                             const FileAnswers& second,
                                             const std::vector<Experiment>& asked) {
  ModelDeclaration usual = model;
  usual.conversions = {ConversionDeclaration{.path = model.path}};
  const std::vector<ParityFacts> all = compare_files(usual, {first, second}, asked);
  return all.empty() ? std::nullopt : std::optional(all.front());
}

}  // namespace runup
