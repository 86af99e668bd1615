// SPDX-License-Identifier: Apache-2.0
#pragma once

// The service's own interpreter, asked for what its factory makes.

#include "config/plan.h"
#include "facts/facts.h"
#include "runner/context.h"
#include "runner/core_probes.h"

namespace runup {

struct PythonJob {
  // the model's, for progress
  std::string name;
  const ModelDeclaration& declaration;
  const OpenedFile& artifact;
  const Observed<PackageFacts>& package;
  // what the model file needs to be unpickled; null when it was not read
  const ArtifactFacts* content = nullptr;
  std::vector<Experiment> experiments;
  // those of them whose outputs are kept in `store`, a descriptor; -1 when none are
  std::vector<Experiment> keep;
  int store = -1;
  // make it in another folder once more (PythonFacts::elsewhere), and take stock there
  bool survey = false;
  // keep the network's numbers
  bool numbers = false;
};

struct PythonAnswer {
  Observed<RuntimeFacts> facts;
  // a safetensors file; its absence says why there is none
  OpenedFile numbers;
};

PythonAnswer observe_python(RunContext& context, const PythonJob& job, const Observed<HostFacts>& host);

}  // namespace runup
