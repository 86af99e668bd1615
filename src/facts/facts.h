// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "facts/artifact.h"
#include "facts/declaration.h"
#include "facts/host.h"
#include "facts/package.h"
#include "facts/runtime.h"

namespace runup {

// All that a check may know about one model: what the config declares, and what was observed.
// This is also the `facts` member of what plugins read.
struct Facts {
  TargetDeclaration target;
  // the model's name in `models:`
  std::string model_name;
  ModelDeclaration model;
  Observed<PackageFacts> package;
  Observed<ArtifactFacts> artifact;
  // of a separate label file (`labels: {from: file}`)
  Observed<ArtifactFacts> label_file;
  Observed<HostFacts> host;
  // the first witness is the one whose word counts most; empty when no runtime was asked
  std::vector<Observed<RuntimeFacts>> runtimes;
  bool operator==(const Facts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"target", &Facts::target},     Field{"model_name", &Facts::model_name},
                      Field{"model", &Facts::model},       Field{"package", &Facts::package},
                      Field{"artifact", &Facts::artifact}, Field{"label_file", &Facts::label_file},
                      Field{"host", &Facts::host},         Field{"runtimes", &Facts::runtimes}};
  }
};

}  // namespace runup
