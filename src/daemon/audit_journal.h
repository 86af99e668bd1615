// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/target.h"

namespace runup {

// Says how an audit ended: one entry with the verdict, one for each problem, one for each waiver that has expired or soon
// will. Fields: RUNUP_TARGET, RUNUP_VERDICT, RUNUP_RUN, RUNUP_MODEL, RUNUP_CHECK, RUNUP_FINDING, RUNUP_LOAD_SECONDS.
// `before` is what was known until now: problems that were there then are not said again.
void journal_audit(const TargetState& before, const AuditResult& result);

// A waiver that ends within so many days is worth a word.
inline constexpr std::int64_t kDaysAhead = 14;

}  // namespace runup
