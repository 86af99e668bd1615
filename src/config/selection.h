// SPDX-License-Identifier: Apache-2.0
#pragma once

// `--select` and `--skip`.

#include <string>
#include <vector>

#include "config/plan.h"

namespace runup {

struct SelectionError {
  // "--select label-encodr"
  std::string argument;
  std::string message;
};

// Takes what `select` does not name out of the plan, with a remark, and marks what `skip` names as
// skipped. A pattern is CHECK, MODEL/CHECK or TARGET/MODEL/CHECK; one that names nothing is an error.
std::vector<SelectionError> apply_selection(Plan& plan, const std::vector<std::string>& select,
                                            const std::vector<std::string>& skip);

// Under `audit`, what starts servers is skipped; under `gate`, what only an audit can see is left out.
void apply_profile(Plan& plan, Profile profile);

}  // namespace runup
