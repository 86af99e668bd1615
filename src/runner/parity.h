// SPDX-License-Identifier: Apache-2.0
#pragma once

// The answers of a model's files to the same inputs, held against each other.

#include <optional>
#include <vector>

#include "facts/facts.h"
#include "runner/output_store.h"

namespace runup {

// One file of the model that a runtime was asked to run.
struct FileAnswers {
  const Observed<RuntimeFacts>* runtime = nullptr;
  const OutputStore* store = nullptr;
};

// Every two of `files` (0 is the model's own, n is `conversions[n - 1]`) of which both were loaded, for each
// of `asked`. Tolerances, names of outputs and the NaN rule are those that the conversions declare; between
// two conversions, the sum of both tolerances, since each may be so far from the original.
//
// Outputs are paired by name. Where one side has none (TorchScript gives `output[0]`), they are paired in
// order.
std::vector<ParityFacts> compare_files(const ModelDeclaration& model, const std::vector<FileAnswers>& files,
                                       const std::vector<Experiment>& asked);

// Two witnesses of one file, with the usual tolerances; nothing when one of them did not load it.
std::optional<ParityFacts> compare_witnesses(const ModelDeclaration& model, const FileAnswers& first,
                                             const FileAnswers& second, const std::vector<Experiment>& asked);

}  // namespace runup
