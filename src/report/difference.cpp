// SPDX-License-Identifier: Apache-2.0
#include "report/difference.h"

#include <algorithm>
#include <array>
#include <format>
#include <tuple>
#include <utility>

#include "base/text.h"
#include "report/summary.h"

namespace runup {

namespace {

using FindingKey = std::tuple<std::string, Severity, std::string, std::string, bool>;

FindingKey key_of(const Finding& finding) {
  return {finding.id, finding.severity, finding.where.file, finding.where.key, finding.accepted.has_value()};
}

// Those of `these` that are not among `others`, each as often as it is more there.
std::vector<Finding> without(const std::vector<Finding>& these, const std::vector<Finding>& others) {
  std::vector<FindingKey> left;
  for (const Finding& finding : others) {
    left.push_back(key_of(finding));
  }
  std::vector<Finding> kept;
  for (const Finding& finding : these) {
    const auto found = std::ranges::find(left, key_of(finding));
    if (found == left.end()) {
      kept.push_back(finding);
    } else {
      left.erase(found);
    }
  }
  return kept;
}

const CheckResult* find(const Report& report, const CheckResult& result) {
  const auto found = std::ranges::find_if(report.results, [&](const CheckResult& other) {
    return other.check == result.check && other.model == result.model;
  });
  return found == report.results.end() ? nullptr : &*found;
}

std::vector<Finding> findings_of(const CheckResult* result) {
  return result == nullptr ? std::vector<Finding>{} : result->outcome.findings;
}

// Higher is worse. What was skipped or is not there says nothing.
int rank(const std::optional<Outcome>& outcome) {
  if (!outcome) {
    return 0;
  }
  switch (outcome->status) {
    case Status::passed:
    case Status::skipped:
      return 0;
    case Status::undecided:
      return 1;
    case Status::failed:
      break;
  }
  return 2;
}

int rank(Verdict verdict) {
  switch (verdict) {
    case Verdict::ready:
      return 0;
    case Verdict::undecided:
      return 1;
    case Verdict::not_ready:
      break;
  }
  return 2;
}

bool has_serious(const std::vector<Finding>& findings) {
  return std::ranges::any_of(findings, [](const Finding& finding) {
    return finding.severity != Severity::note && !finding.accepted;
  });
}

std::string witnesses_of(const Report& report) {
  std::vector<std::string> words;
  for (const ReportWitness& witness : report.witnesses) {
    words.push_back(witness.model + ": " + witness_text(witness));
  }
  return words.empty() ? "none" : join(words, ", ");
}

// Adds what differs, or nothing.
void add_difference(ReportDifference& all, const CheckResult* before, const CheckResult* after) {
  const CheckResult& known = after != nullptr ? *after : *before;
  ResultDifference difference{.check = known.check,
                              .model = known.model,
                              .appeared = without(findings_of(after), findings_of(before)),
                              .gone = without(findings_of(before), findings_of(after))};
  if (before != nullptr) {
    difference.before = before->outcome;
  }
  if (after != nullptr) {
    difference.after = after->outcome;
  }
  const bool same = before != nullptr && after != nullptr &&
                    before->outcome.status == after->outcome.status && difference.appeared.empty() &&
                    difference.gone.empty();
  if (same) {
    ++all.same;
  } else {
    all.results.push_back(std::move(difference));
  }
}

// Files that both runs judged and that have other bytes.
void add_changed_files(ReportDifference& all, const std::vector<JudgedFile>& before,
                       const std::vector<JudgedFile>& after) {
  constexpr std::size_t kShown = 12;
  const auto words = [](const JudgedFile& file) {
    return std::format("{}, sha256 {}…", format_bytes(file.bytes), file.sha256.substr(0, kShown));
  };
  for (const JudgedFile& now : after) {
    const auto then = std::ranges::find_if(
        before, [&](const JudgedFile& one) { return one.model == now.model && one.path == now.path; });
    if (then != before.end() && then->sha256 != now.sha256) {
      all.circumstances.push_back({"file", std::format("{}: {}", now.path, words(*then)), words(now)});
    }
  }
}

}  // namespace

Change change_of(const ResultDifference& difference) {
  const int before = rank(difference.before);
  const int after = rank(difference.after);
  const bool more = has_serious(difference.appeared);
  const bool less = has_serious(difference.gone);
  if (after > before || (after == before && more && !less)) {
    return Change::worse;
  }
  return after < before || (less && !more) ? Change::better : Change::other;
}

ReportDifference compare(const Report& before, const Report& after) {
  ReportDifference difference;
  for (const CheckResult& result : after.results) {
    add_difference(difference, find(before, result), &result);
  }
  for (const CheckResult& result : before.results) {
    if (find(after, result) == nullptr) {
      add_difference(difference, &result, nullptr);
    }
  }
  const std::array<Circumstance, 6> circumstances{
      {{"target", before.target, after.target},
       {"config", before.config, after.config},
       {"host", before.host_name + ": " + before.host, after.host_name + ": " + after.host},
       {"runup", before.runup_version, after.runup_version},
       {"witnesses", witnesses_of(before), witnesses_of(after)},
       {"strict", before.strict ? "yes" : "no", after.strict ? "yes" : "no"}}};
  std::ranges::copy_if(circumstances, std::back_inserter(difference.circumstances),
                       [](const Circumstance& one) { return one.before != one.after; });
  add_changed_files(difference, before.files, after.files);
  return difference;
}

bool got_worse(const Report& before, const Report& after, const ReportDifference& difference) {
  return rank(after.verdict) > rank(before.verdict) ||
         std::ranges::any_of(difference.results,
                             [](const ResultDifference& one) { return rank(one.after) > rank(one.before); });
}

}  // namespace runup
