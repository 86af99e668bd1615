// SPDX-License-Identifier: Apache-2.0
#pragma once

// The config's waivers on the day of a run.

#include <chrono>
#include <string>
#include <vector>

#include "config/plan.h"
#include "report/report.h"

namespace runup {

// What is accepted on `today` of one check on one model. Of several waivers of one finding the first counts.
Acceptances acceptances_of(const Plan& plan, const std::string& check, const std::string& model,
                           std::chrono::sys_days today);

// What became of each waiver, by the results of the run.
std::vector<WaiverReport> waiver_reports(const Plan& plan, const std::vector<CheckResult>& results,
                                         std::chrono::sys_days today);

}  // namespace runup
