// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "facts/torchscript.h"

namespace runup {

// What `runup inspect` prints of a TorchScript archive's code: the module, its forward, what is in training
// mode, and the remarkable places, at most `most` of a kind.
std::string torchscript_text(const TorchScriptFacts& script, std::size_t most, std::size_t width,
                             bool colour);

}  // namespace runup
