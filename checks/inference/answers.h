// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "facts/facts.h"

namespace runup::checks::inference {

// The declared example shape of the first input: "[1, 300, 147]"; empty without one.
std::string example_shape(const ModelDeclaration& model);

// Whether two seeds give different inputs: an input of few possible values may come out equal.
bool inputs_differ(const ModelDeclaration& model);

// Whether all answers have the same first output, though their inputs differ: byte for byte, or, where
// all elements are known, within rounding.
bool same_output(const std::vector<const ExperimentFacts*>& answers);

}  // namespace runup::checks::inference
