// SPDX-License-Identifier: Apache-2.0
#include "check/witness.h"

namespace runup {

const RuntimeFacts* speaking_witness(const Facts& facts) {
  for (const auto& runtime : facts.runtimes) {
    if (runtime && runtime->load.stage == LoadStage::done) {
      return &*runtime;
    }
  }
  return nullptr;
}

}  // namespace runup
