// SPDX-License-Identifier: Apache-2.0
#pragma once

// A runtime probe, asked for experiments: in one process as long as it lives, and in a fresh one for
// what is left when it died.

#include "config/plan.h"
#include "facts/facts.h"
#include "runner/context.h"
#include "runner/core_probes.h"
#include "runner/runtime_programs.h"

namespace runup {

// Why nothing can run the model that `facts` describe as its file alone, without a factory; nothing when a runtime
// can try.
std::optional<Absence> file_obstacle(const Facts& facts);
// Why no runtime can run the model that `facts` describe, and what to give; nothing when its probe can
// try.
std::optional<Absence> runtime_obstacle(const RunContext& context, const Facts& facts);

// One file of a model, to be run.
struct RuntimeJob {
  const RuntimeProgram& program;
  // for progress: "sign", "sign: model.onnx"
  std::string name;
  const ModelDeclaration& declaration;
  const OpenedFile& artifact;
  // of the python probe
  PythonRequest python = {};
  // cold starts last
  std::vector<Experiment> experiments;
  // those of them whose outputs are kept in `store`, a descriptor; -1 when none are
  std::vector<Experiment> keep;
  int store = -1;
  // of the python probe: a descriptor that the network's numbers are written to; -1: they are not
  int numbers = -1;
};

// `host` bounds the memory.
Observed<RuntimeFacts> observe_runtime(RunContext& context, const RuntimeJob& job,
                                       const Observed<HostFacts>& host);

}  // namespace runup
