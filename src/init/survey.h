// SPDX-License-Identifier: Apache-2.0
#pragma once

// What is to be seen in a package that has no config yet. Nothing is decided here: draft.h does that.

#include <string>
#include <vector>

#include "facts/facts.h"
#include "probes/supervisor/supervisor.h"
#include "runner/runner.h"

namespace runup::init {

// How far the survey goes; what is left out is said in Survey::cut.
struct Bounds {
  std::size_t names = 50'000;
  std::size_t depth = 12;
  // files that are looked into, of each sort
  std::size_t models = 40;
  std::size_t others = 30;
  // sources that are read as if they were the entry point
  std::size_t entries = 6;
  Duration walk = Duration::from_seconds(5);
  Duration time = Duration::from_seconds(120);
};

// A file that was looked into.
struct SurveyedFile {
  // relative to the package
  std::string path;
  Observed<ArtifactFacts> content;
};

// The sources as they are when the server is started with this file.
struct SurveyedEntry {
  // relative to the package
  std::string path;
  // the Dockerfile starts it
  bool started = false;
  Observed<SourceFacts> source;
};

struct SurveyedText {
  // relative to the package
  std::string path;
  std::string text;
};

struct Survey {
  // absolute
  std::string root;
  // regular files, relative to the package, sorted; names are the bytes that they are. Not those of hidden folders,
  // environments and caches
  std::vector<std::string> files;
  // the Dockerfile alone
  Observed<PackageFacts> package;
  // the most probable first; at least one, when there is any candidate
  std::vector<SurveyedEntry> entries;
  // of the package, relative to it; empty when it has none
  std::string interpreter;
  // models, lists of class names, samples
  std::vector<SurveyedFile> contents;
  // TorchScript source with a `forward(state_dict, ...)`
  std::vector<SurveyedText> architectures;
  std::vector<std::string> cut;

  const SurveyedFile* find(const std::string& path) const;
};

// `root`: absolute path of a folder. Never fails: what could not be looked at has its absence, or is in `cut`.
Survey survey_package(const std::string& root, const RunnerSettings& settings, Supervisor& supervisor,
                      const Bounds& bounds = {});

// The names of Survey::files.
struct Names {
  std::vector<std::string> files;
  std::vector<std::string> cut;
};
Names walk_package(const std::string& root, const Bounds& bounds);

}  // namespace runup::init
