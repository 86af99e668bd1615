// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "facts/torchscript.h"

namespace runup {

// The columns in which the lines of an inspection say what they are about.
inline constexpr std::size_t kLabelColumns = 14;

// What `runup inspect` prints of a TorchScript archive's code: the module, its forward, what is in training
// mode, and the remarkable places, at most `most` of a kind.
std::string torchscript_text(const TorchScriptFacts& script, std::size_t most, std::size_t width,
                             bool colour);

}  // namespace runup
