// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "facts/declaration.h"
#include "facts/experiment.h"

namespace runup {

// One call for each input that says something of any model: random values of `random` seeds from 1 on, zeros
// and ones where the declared ranges hold them, and the recorded samples when `samples`.
std::vector<Experiment> usual_inputs(const ModelDeclaration& model, std::uint64_t random, bool samples);

// "random values (seed 1)", "zeros", "sample 2 (`hello.npy`)"
std::string input_words(const ModelDeclaration& model, const Experiment& asked);

}  // namespace runup
