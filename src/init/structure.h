// SPDX-License-Identifier: Apache-2.0
#pragma once

// `runup init --architecture`: the network that the service's factory makes, as a TorchScript archive without numbers,
// so that a host without the service's Python can run the state_dict.

#include <cstddef>
#include <string>

#include "config/plan.h"
#include "facts/facts.h"
#include "runner/context.h"

namespace runup::init {

struct Structure {
  // "scripted", "traced"
  std::string how;
  // the archive
  std::string bytes;
  // who filled it from the model file: "libtorch 2.6.0"
  std::string witness;
  // inputs that both it and the network were given, and the largest difference of an answer
  std::size_t answers = 0;
  double apart = 0;
};

// The network is scripted; where it cannot be, or answers differently as a script, it is traced. What is returned was
// filled from the model file by the torch probe (without one, by the service's own torch), and answered all inputs that
// the model's checks ask for as the network itself does. An error says why there is none.
Result<Structure> take_structure(RunContext& context, const PlannedModel& model,
                                 const Observed<PackageFacts>& package, const Observed<HostFacts>& host);

}  // namespace runup::init
