// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "facts/artifact.h"

namespace runup {

// "a PyTorch checkpoint", "an HTML page, not a model"
std::string_view kind_in_words(ArtifactKind kind);

// "-0.25 to 3.5", "all 1", "12 NaN, else -1 to 1"
std::string values_in_words(const ValueFacts& values);

// What a defect means for whoever wants to load the file.
std::string_view meaning_of(DefectKind kind);

}  // namespace runup
