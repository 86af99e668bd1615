// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "facts/past.h"

namespace runup {

// Asks systemd over the system bus, which needs no privilege. The absence says why nothing is known.
Observed<UnitFacts> ask_systemd(const std::string& unit);

}  // namespace runup
