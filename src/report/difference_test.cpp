// SPDX-License-Identifier: Apache-2.0
#include "report/difference.h"

#include <catch2/catch_test_macros.hpp>

#include "canonical_reports.h"

using namespace runup;
using namespace runup::testing;

namespace {

const ResultDifference& difference_of(const ReportDifference& all, std::string_view check) {
  for (const ResultDifference& one : all.results) {
    if (one.check == check) {
      return one;
    }
  }
  FAIL("no difference of " << check);
  std::abort();
}

}  // namespace

TEST_CASE("difference: a report is the same as itself, whatever is in it") {
  for (const CanonicalReport& canonical : canonical_reports()) {
    INFO(canonical.name);
    const ReportDifference all = compare(canonical.report, canonical.report);
    CHECK(all.results.empty());
    CHECK(all.circumstances.empty());
    CHECK(all.same == canonical.report.results.size());
    CHECK_FALSE(got_worse(canonical.report, canonical.report, all));
  }
}

TEST_CASE("difference: what failed, what could not be told, and what is new") {
  Report ready = report_frame();
  ready.results = healthy_results();
  settle_verdict(ready, {{.model = "sign", .witnessed = true}});
  const Report broken = not_ready_report();
  const ReportDifference forth = compare(ready, broken);
  CHECK(got_worse(ready, broken, forth));
  CHECK(forth.same == 4);
  REQUIRE(forth.results.size() == 4);
  const ResultDifference& labels = difference_of(forth, "label-encoder");
  CHECK(change_of(labels) == Change::worse);
  CHECK(labels.before->status == Status::passed);
  CHECK(labels.after->status == Status::failed);
  CHECK(labels.appeared.size() == 3);
  CHECK(labels.gone.empty());
  CHECK(change_of(difference_of(forth, "inference")) == Change::worse);
  const ResultDifference& added = difference_of(forth, "conversion-parity");
  CHECK(change_of(added) == Change::other);
  CHECK_FALSE(added.before);

  const ReportDifference back = compare(broken, ready);
  CHECK_FALSE(got_worse(broken, ready, back));
  CHECK(change_of(difference_of(back, "label-encoder")) == Change::better);
  CHECK(difference_of(back, "label-encoder").gone.size() == 3);
  // What the later report lacks comes last.
  CHECK(back.results.back().check == "conversion-parity");
  CHECK_FALSE(back.results.back().after);
}

TEST_CASE("difference: other words of one finding are no difference, another place or severity is") {
  const Report before = not_ready_report();
  Report after = before;
  Finding& finding = after.results[2].outcome.findings[0];
  finding.message = "label encoder has 8 classes; `classifier.6.bias` has 9 outputs";
  CHECK(compare(before, after).results.empty());
  finding.where.key = "other_encoder";
  CHECK(difference_of(compare(before, after), "label-encoder").appeared.size() == 1);
  finding = before.results[2].outcome.findings[0];
  finding.severity = Severity::note;
  const ReportDifference milder = compare(before, after);
  CHECK(change_of(difference_of(milder, "label-encoder")) == Change::better);
  // Two of a kind where there was one.
  after = before;
  after.results[2].outcome.findings.push_back(before.results[2].outcome.findings[0]);
  const ReportDifference twice = compare(before, after);
  CHECK(difference_of(twice, "label-encoder").appeared.size() == 1);
  CHECK(change_of(difference_of(twice, "label-encoder")) == Change::worse);
  // The check failed before and fails now: the verdict is what it was.
  CHECK_FALSE(got_worse(before, after, twice));
}

TEST_CASE("difference: a failure that became undecided is better, and says so; circumstances are told") {
  const Report before = not_ready_report();
  Report after = before;
  after.results[0] = not_judged(Status::undecided, "device-mapping", "the probe ended");
  after.host_name = "gate-2";
  after.witnesses.clear();
  const ReportDifference all = compare(before, after);
  CHECK(change_of(difference_of(all, "device-mapping")) == Change::better);
  REQUIRE(all.circumstances.size() == 2);
  CHECK(all.circumstances[0].name == "host");
  CHECK(all.circumstances[1].after == "none");
}
