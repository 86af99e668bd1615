// SPDX-License-Identifier: Apache-2.0
#pragma once

// The service's own interpreter, asked for what its factory makes, or to run the model file itself where the config
// names none.

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
  // what the model file is, and needs to be unpickled; null when it was not read, which only a factory permits
  const ArtifactFacts* content = nullptr;
  std::vector<Experiment> experiments;
  // those of them whose outputs are kept in `store`, a descriptor; -1 when none are
  std::vector<Experiment> keep;
  int store = -1;
  // take stock; of a factory: make it in another folder once more (PythonFacts::elsewhere), and take stock there
  bool survey = false;
  // keep the network's numbers
  bool numbers = false;
  // keep the network as an archive without numbers instead, made by `script` or `trace`; empty: do not
  std::string structure = {};
};

struct PythonAnswer {
  Observed<RuntimeFacts> facts;
  // a safetensors file, or the archive; its absence says why there is none
  OpenedFile numbers;
};

// An interpreter that cannot import what runs the file is no witness: AbsenceKind::missing.
PythonAnswer observe_python(RunContext& context, const PythonJob& job, const Observed<HostFacts>& host);

}  // namespace runup
