// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace runup {

// The weights probe: receives a WeightsRequest on descriptor 3, maps the original at descriptor 4, the
// conversion at 5 and the conversion's external data files from 6 on, and answers with one
// WeightParityFacts. It opens nothing by name. Returns the exit code.
int weights_probe_main();

}  // namespace runup
