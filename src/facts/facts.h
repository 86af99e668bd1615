// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "facts/artifact.h"
#include "facts/declaration.h"
#include "facts/host.h"
#include "facts/package.h"
#include "facts/parity.h"
#include "facts/past.h"
#include "facts/runtime.h"
#include "facts/service.h"
#include "facts/service_declaration.h"
#include "facts/source.h"

namespace runup {

// What was observed of `conversions[i]`, in their order.
struct ConversionFacts {
  Observed<ArtifactFacts> artifact;
  std::vector<Observed<RuntimeFacts>> runtimes;
  // its numbers against those of the model's own file
  Observed<WeightParityFacts> weights;
  bool operator==(const ConversionFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"artifact", &ConversionFacts::artifact},
                      Field{"runtimes", &ConversionFacts::runtimes},
                      Field{"weights", &ConversionFacts::weights}};
  }
};

// All that a check may know about one model: what the config declares, and what was observed.
// This is also the `facts` member of what plugins read.
struct Facts {
  TargetDeclaration target;
  // the model's name in `models:`
  std::string model_name;
  ModelDeclaration model;
  // where the package is an archive; `package` is then what was unpacked from it
  Observed<ArchiveFacts> archive;
  Observed<PackageFacts> package;
  Observed<ArtifactFacts> artifact;
  // of a separate label file (`labels: {from: file}`)
  Observed<ArtifactFacts> label_file;
  Observed<HostFacts> host;
  // the sources of the entry point, of the model's factory and of what both import from the package
  Observed<SourceFacts> source;
  // the first witness is the one whose word counts most; empty when no runtime was asked
  std::vector<Observed<RuntimeFacts>> runtimes;
  // the answers of the first witness against those of the second, where both ran: `reference` 0, `candidate` 1
  std::optional<ParityFacts> witness_parity;
  // the numbers of the network that the factory made, against those of the model's own file
  Observed<WeightParityFacts> predictor_weights;
  std::vector<ConversionFacts> conversions;
  // the answers of every two files that ran
  std::vector<ParityFacts> parity;
  // what the config says of the server, and what that did when it was started; nothing without `service:`
  std::optional<ServiceDeclaration> service;
  Observed<ServiceFacts> served;
  // of an audit alone: what the host was when it was last ready, and what runs there
  StandingFacts standing;
  bool operator==(const Facts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"target", &Facts::target},
                      Field{"model_name", &Facts::model_name},
                      Field{"model", &Facts::model},
                      Field{"archive", &Facts::archive},
                      Field{"package", &Facts::package},
                      Field{"artifact", &Facts::artifact},
                      Field{"label_file", &Facts::label_file},
                      Field{"host", &Facts::host},
                      Field{"source", &Facts::source},
                      Field{"runtimes", &Facts::runtimes},
                      Field{"witness_parity", &Facts::witness_parity},
                      Field{"predictor_weights", &Facts::predictor_weights},
                      Field{"conversions", &Facts::conversions},
                      Field{"parity", &Facts::parity},
                      Field{"service", &Facts::service},
                      Field{"served", &Facts::served},
                      Field{"standing", &Facts::standing}};
  }
};

extern template struct StructCodec<ConversionFacts>;
extern template struct StructCodec<Facts>;

}  // namespace runup
