// SPDX-License-Identifier: Apache-2.0
#pragma once

// A model file by itself, without the service's code.

#include <string>
#include <vector>

#include "facts/facts.h"
#include "runner/context.h"
#include "runner/core_probes.h"
#include "runner/output_store.h"

namespace runup {

struct FileRun {
  // for progress: "sign", "sign: model.onnx"
  std::string name;
  // the file as a model, with what it was observed to be
  const Facts& view;
  const OpenedFile& artifact;
  std::vector<Experiment> experiments;
  // those of them whose outputs are kept in the store
  std::vector<Experiment> keep;
  // where runup's own runtime for the file is not installed, the service's own runs it, if it has one
  bool by_service = true;
};

// `store` is made anew.
Observed<RuntimeFacts> run_file(RunContext& context, const FileRun& run, const Observed<HostFacts>& host,
                                OutputStore& store);

// There was no runtime to ask, which says nothing of the file, and another may stand in. None does for the ONNX Runtime
// that the config names.
bool has_no_runtime(const Facts& view, const Observed<RuntimeFacts>& runtime);

}  // namespace runup
