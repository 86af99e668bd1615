// SPDX-License-Identifier: Apache-2.0
#pragma once

// What every runtime probe's main does: the conversation with runup, and the experiments.

#include <functional>
#include <string_view>

#include "probes/protocol/channel.h"
#include "probes/runtime/model.h"

namespace runup {

// One runtime, as its probe hands it over.
struct Runtime {
  // "libtorch"
  std::string_view name;
  // Gets the runtime's libraries ready, where they are not linked. An error means that there is no
  // runtime: nothing is said of the model. May be empty.
  std::function<Result<void>(const RuntimeRequest&)> start;
  // Loads the model. `file` is a private, writable mapping of the artifact that outlives it. With `trial`,
  // it may be called once with that experiment, whose answer then need not be asked for again.
  std::function<Loaded(const RuntimeRequest&, Bytes file, const Experiment* trial)> load;
};

// Serves one request from descriptor 3; `entered` is when main began. Returns the exit status.
//
// Outputs of the experiments in RuntimeRequest::keep are appended to descriptor 5, in row-major order,
// and OutputFacts::kept_at says where; what would make it larger than kMostKeptBytes is left out.
int serve_runtime(Duration entered, const Runtime& runtime);

}  // namespace runup
