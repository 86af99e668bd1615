// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "facts/artifact.h"

namespace runup {

// "a PyTorch checkpoint", "an HTML page, not a model"
std::string_view kind_in_words(ArtifactKind kind);

// What a defect means for whoever wants to load the file.
std::string_view meaning_of(DefectKind kind);

}  // namespace runup
