// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <format>

#include "check/wording.h"
#include "config/key_path.h"
#include "facts/state_dict.h"
#include "runner/runtime_observer.h"
#include "runner/runtime_programs.h"

namespace runup {

namespace {

bool is_state_dict_file(ArtifactKind kind) {
  using enum ArtifactKind;
  return kind == torch_zip || kind == torch_legacy || kind == torch_tar || kind == safetensors;
}

// A file that was not read to its end may still be one that a runtime reads; every other defect is one
// that it stumbles over, or should.
bool is_damaged(const ArtifactFacts& artifact) {
  return std::ranges::any_of(artifact.defects,
                             [](const DefectFacts& defect) { return defect.kind != DefectKind::over_limit; });
}

std::optional<Absence> architecture_obstacle(const Facts& facts) {
  if (facts.model.architecture.empty()) {
    return blocked(
        std::format("`{}` holds weights without code; name in `architecture:` the TorchScript source or "
                    "archive that they fill",
                    model_file(facts)));
  }
  if (const StateDictChoice choice = choose_state_dict(*facts.artifact, facts.model);
      choice.chosen == nullptr) {
    return blocked(std::format("{}; see `state-dict-format`", choice.why_not));
  }
  const std::string key = child_path(child_path("models", facts.model_name), "architecture");
  const PathFacts* path = facts.package ? facts.package->find(key) : nullptr;
  if (path != nullptr && path->kind != FileKind::regular) {
    return blocked(std::format("`architecture:` names `{}`, which is no readable file; see `model-present`",
                               shown_path(facts, path->path)));
  }
  return std::nullopt;
}

}  // namespace

std::optional<Absence> file_obstacle(const Facts& facts) {
  if (!facts.artifact) {
    Absence why = facts.artifact.absence.value_or(Absence{});
    return blocked(content_obstacle(facts).value_or(std::move(why.detail)));
  }
  if (const auto obstacle = content_obstacle(facts)) {
    return blocked(*obstacle);
  }
  if (is_damaged(*facts.artifact)) {
    return blocked(damage_obstacle(facts).value_or("the model file is damaged"));
  }
  if (runtime_program(facts.artifact->kind) == nullptr) {
    return blocked(
        std::format("this version has no runtime for `{}`, which is {}; expected a TorchScript archive, an "
                    "ONNX model, or weights with an `architecture:`",
                    model_file(facts), kind_words(facts.artifact->kind)));
  }
  return is_state_dict_file(facts.artifact->kind) ? architecture_obstacle(facts) : std::nullopt;
}

std::optional<Absence> runtime_obstacle(const RunContext& context, const Facts& facts) {
  if (auto obstacle = file_obstacle(facts)) {
    return obstacle;
  }
  const RuntimeProgram* program = runtime_program(facts.artifact->kind);
  const std::string path = program_path(context.settings, *program);
  if (::access(path.c_str(), X_OK) != 0) {
    return Absence{.kind = AbsenceKind::missing,
                   .detail = std::format("{} is not installed: `{}` is not there; {}", program->who, path,
                                         program->remedy)};
  }
  return std::nullopt;
}

}  // namespace runup
