// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the parts of make_draft() share.

#include <string>
#include <vector>

#include "init/draft.h"
#include "init/names.h"
#include "init/start.h"

namespace runup::init {

// The survey as the parts see it: with the entry point that was chosen.
struct View {
  const Survey& survey;
  const Placement& placement;
  // relative to the package; empty when there is none
  std::string entrypoint;
  // empty facts when no source was read
  const SourceFacts& source;
  // with absolute paths, as a plan has it
  TargetDeclaration target;
  std::optional<StartCommand> start;

  // as `path:`, `labels.path` and `conversions[].path` are written
  std::string as_service_opens(const std::string& path) const {
    return path.starts_with('/') ? path : relative_to(folder_of(entrypoint), path);
  }
  // as samples, architectures and mounts are written
  std::string beside_config(const std::string& path) const { return placement.prefix + path; }
  const ArtifactFacts* content(const std::string& path) const {
    const SurveyedFile* file = survey.find(path);
    return file != nullptr && file->content ? &*file->content : nullptr;
  }
};

struct ModelFile {
  // relative to the package, or absolute when it is outside of it
  std::string path;
  Family family = Family::other;
  // null when it is not there or could not be read
  const ArtifactFacts* content = nullptr;
};

struct ModelGroup {
  ModelFile file;
  // the calls that read it
  std::vector<const SourceLoadFacts*> loads;
  // beside its path
  std::string why;
  std::vector<ModelFile> conversions;
};

// The models, at most 20. Says in the draft what else looks like one, what is mounted and where the package is
// installed, where that follows from the paths that the sources open; `view.target` is kept up with it.
std::vector<ModelGroup> find_models(View& view, Draft& draft);

// Each fills in its part of `model`; `alone`: it is the only one.
void draft_factory(const View& view, const ModelGroup& group, bool alone, DraftModel& model, Draft& draft);
void draft_state_dict(const View& view, const ModelGroup& group, bool alone, DraftModel& model, Draft& draft);
void draft_labels(const View& view, const ModelGroup& group, bool alone, DraftModel& model, Draft& draft);
void draft_inputs(const View& view, const ModelGroup& group, bool alone, DraftModel& model, Draft& draft);
void draft_conversions(const View& view, const ModelGroup& group, DraftModel& model, Draft& draft);
void draft_service(const View& view, Draft& draft);

}  // namespace runup::init
