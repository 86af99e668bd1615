// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "facts/facts.h"

namespace runup {

// The witness that speaks for the model, which is the first that loaded it; null when none did. Another one is asked
// whether its answers are the same (`inference`), and nothing else.
const RuntimeFacts* speaking_witness(const Facts& facts);

}  // namespace runup
