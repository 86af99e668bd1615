// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "check/catalogue.h"

using namespace runup;

namespace {

Judgement with(Severity severity) {
  Judgement judgement;
  judgement.saw("file", "x.pth");
  judgement.findings.push_back({.id = "bad", .severity = severity, .message = "bad"});
  return judgement;
}

}  // namespace

TEST_CASE("a pass is earned by having looked at something") {
  CHECK(settle({}, {}, false).status == Status::undecided);
  CHECK(settle({}, {}, false).reason == "the check looked at nothing");
  Judgement looked;
  looked.saw("file", "x.pth");
  CHECK(settle(looked, {}, false).status == Status::passed);
}

TEST_CASE("an error finding wins over everything, undecided over skipped") {
  Judgement both = with(Severity::error);
  both.undecided = "the label file could not be read";
  CHECK(settle(both, {}, false).status == Status::failed);
  CHECK(settle(both, {}, false).reason == "the label file could not be read");
  Judgement warned = with(Severity::warning);
  CHECK(settle(warned, {}, false).status == Status::passed);
  warned.undecided = "too noisy";
  CHECK(settle(warned, {}, false).status == Status::undecided);
  CHECK(settle(Judgement::skip("no labels"), {}, false).status == Status::skipped);
}

TEST_CASE("severities: by finding, by check, strict") {
  CHECK(settle(with(Severity::warning), {}, true).status == Status::failed);
  CHECK(settle(with(Severity::note), {}, true).status == Status::passed);
  CHECK(settle(with(Severity::error), {{"bad", Severity::warning}}, false).status == Status::passed);
  CHECK(settle(with(Severity::error), {{"*", Severity::warning}}, false).status == Status::passed);
  CHECK(settle(with(Severity::error), {{"*", Severity::warning}, {"bad", Severity::error}}, false).status ==
        Status::failed);
  CHECK(settle(with(Severity::note), {{"*", Severity::error}}, false).status == Status::passed);
}

TEST_CASE("what somebody accepts is shown and counts for nothing") {
  const Acceptance acceptance{.reason = "retrained next week", .owner = "ml", .expires = "2026-12-31"};
  const Outcome accepted = settle(with(Severity::error), {}, false, {{"bad", acceptance}});
  CHECK(accepted.status == Status::passed);
  REQUIRE(accepted.findings.size() == 1);
  CHECK(accepted.findings.front().accepted == acceptance);
  CHECK(accepted.findings.front().severity == Severity::error);
  CHECK(settle(with(Severity::warning), {}, true, {{"*", acceptance}}).status == Status::passed);
  CHECK(settle(with(Severity::error), {}, false, {{"other", acceptance}}).status == Status::failed);

  Judgement both = with(Severity::error);
  both.undecided = "the label file could not be read";
  CHECK(settle(both, {}, false, {{"bad", acceptance}}).status == Status::undecided);

  Judgement two = with(Severity::error);
  two.findings.push_back({.id = "worse", .severity = Severity::warning, .message = "worse"});
  const Outcome ordered = settle(two, {}, false, {{"bad", acceptance}});
  CHECK(ordered.findings.front().id == "worse");
  CHECK(ordered.findings.back().id == "bad");

  Judgement only_finding;
  only_finding.findings.push_back({.id = "bad", .severity = Severity::error, .message = "bad"});
  CHECK(settle(only_finding, {}, false, {{"bad", acceptance}}).status == Status::passed);
}

TEST_CASE("nobody but the settling says that a finding is accepted") {
  Judgement claimed = with(Severity::error);
  claimed.findings.front().accepted = Acceptance{.reason = "I say so"};
  CHECK(settle(claimed, {}, false).status == Status::failed);
}

TEST_CASE("a page has front matter and a body") {
  constexpr std::string_view kPage =
      "---\nsummary: the model file is there\norder: 10\n---\n\n# model-present\n";
  CHECK(page_field(kPage, "summary") == "the model file is there");
  CHECK(page_field(kPage, "order") == "10");
  CHECK(page_field(kPage, "absent").empty());
  CHECK(page_body(kPage) == "# model-present\n");
  CHECK(page_body("plain") == "plain");
}
