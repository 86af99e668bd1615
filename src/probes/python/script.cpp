// SPDX-License-Identifier: Apache-2.0
#include "probes/python/script.h"

#include "python_script.inc"

namespace runup {

std::string_view python_script() { return kEmbedded0; }

}  // namespace runup
