// SPDX-License-Identifier: Apache-2.0
#pragma once

// One outcome for a check that judges every file of a model.

#include <functional>

#include "check/outcome.h"
#include "facts/facts.h"

namespace runup {

// Judges the model, and with `conversions` each of its conversions as if that were the model. What is
// said of a conversion names its file; a finding that several files share word for word is told once;
// what does not apply to one file is left out when it applies to another.
//
// Weights without code are run by nobody unless the config names an architecture. Where a conversion ran
// instead, that is no longer in the way of the check, and its evidence says so.
Judgement judge_files(const Facts& facts, bool conversions,
                      const std::function<Judgement(const Facts&)>& judge);

}  // namespace runup
