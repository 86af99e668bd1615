// SPDX-License-Identifier: Apache-2.0
#pragma once

// What one run said that another did not: of the same target, at two times or on two hosts.

#include <optional>
#include <string>
#include <vector>

#include "report/report.h"

namespace runup {

// A check on a model of which the two reports do not say the same.
struct ResultDifference {
  std::string check;
  std::string model;
  // nothing where that report does not have it
  std::optional<Outcome> before;
  std::optional<Outcome> after;
  // findings by id, place and severity, whatever their words: numbers in a message change from run to run
  std::vector<Finding> appeared;
  std::vector<Finding> gone;
};

enum class Change {
  // failed where it did not, or can no longer tell, or has a new error or warning
  worse,
  better,
  // neither, or both
  other,
};
Change change_of(const ResultDifference& difference);

// What else is not the same, such as the host, the version, a witness: it may be why.
struct Circumstance {
  // "host"
  std::string name;
  std::string before;
  std::string after;
};

struct ReportDifference {
  // in the order of the later report; those that it lacks come last
  std::vector<ResultDifference> results;
  // checks that both have and that say the same
  std::size_t same = 0;
  std::vector<Circumstance> circumstances;
};

ReportDifference compare(const Report& before, const Report& after);

// A failure, or what could not be told, is new in `after`: in a check or in the verdict.
bool got_worse(const Report& before, const Report& after, const ReportDifference& difference);

}  // namespace runup
