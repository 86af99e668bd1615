// SPDX-License-Identifier: Apache-2.0
#pragma once

// A model in libtorch, loaded from its file and called. Free of libtorch's headers.

#include "base/bytes.h"
#include "facts/declaration.h"
#include "probes/runtime/model.h"

namespace runup {

// Loads by one of three ways, chosen by content: a TorchScript archive; a state_dict called through
// TorchScript source; a TorchScript archive whose parameters and buffers the state_dict fills.
// `file` is a private, writable mapping that outlives the model.
//
// Keys are matched strictly, see key_match.h. For source, the names that it indexes are known from its
// compiled graph; with `trial` one inference, the experiment that it points to, then tells which tensors
// reach an operator, and what is wrong with their shapes. Its time is not part of `load.took`.
//
// Nobody calls eval(): an archive runs in the mode that it was saved in. TorchScript's optimising
// executor is on for an archive, as in a service that loads it, and off for a state_dict, whose
// service runs the module eagerly.
Loaded load_model(const ModelDeclaration& declaration, Bytes file, const Experiment* trial);

}  // namespace runup
