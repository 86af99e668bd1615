// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "config/plan.h"

namespace runup {

// The resolved config as YAML, each value with a comment that says where it came from and, for
// paths, what was written there. Loading this text again gives the same plan. Empty defaults are
// left out.
std::string render_plan(const Plan& plan);

}  // namespace runup
