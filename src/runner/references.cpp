// SPDX-License-Identifier: Apache-2.0
#include "runner/references.h"

#include <algorithm>
#include <format>
#include <iterator>
#include <set>

#include "facts/external_data.h"
#include "runner/core_probes.h"

namespace runup {

namespace {

constexpr std::size_t kMostPlaces = 1'000;

}  // namespace

std::vector<PathQuestion> reference_questions(const std::string& key, const std::string& path,
                                              const ArtifactFacts& artifact) {
  std::vector<PathQuestion> questions;
  std::set<std::string> asked;
  for (const OnnxExternalFacts& external :
       artifact.onnx ? artifact.onnx->external : decltype(OnnxFacts::external){}) {
    const auto place = external_data_path(path, external.location);
    if (place && questions.size() < kMostPlaces && asked.insert(external.location).second) {
      questions.push_back({.asked_by = std::format("{}/external/{}", key, external.location),
                           .written = external.location,
                           .path = *place});
    }
  }
  return questions;
}

void observe_references(RunContext& context, const std::string& key, const std::string& path,
                        const Observed<ArtifactFacts>& artifact, Observed<PackageFacts>& package) {
  if (!artifact || !package.value) {
    return;
  }
  std::vector<PathQuestion> questions = reference_questions(key, path, *artifact);
  if (questions.empty()) {
    return;
  }
  Observed<PackageFacts> answer = observe_paths(context, std::move(questions));
  package.took += answer.took;
  if (answer.value) {
    std::ranges::move(answer.value->paths, std::back_inserter(package.value->paths));
  }
}

}  // namespace runup
