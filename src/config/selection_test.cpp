// SPDX-License-Identifier: Apache-2.0
#include "config/selection.h"

#include "base/glob.h"

#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "config/test_checks.h"

namespace runup {
namespace {

using test::errors_text;
using test::load_text;
using test::TemporaryFolder;

constexpr const char* kConfig = "version: 1\ntarget: svc\nmodels: {sign: {path: a}, face: {path: b}}\n";

// "sign/label-encoder face/inference(`--skip x`)"
std::string checks_of(const test::Loaded& plan) {
  std::string text;
  for (const PlannedModel& model : plan->models) {
    for (const PlannedCheck& check : model.checks) {
      text += (text.empty() ? "" : " ") + model.name + "/" + check.id;
      text += check.skip_reason.empty() ? "" : "(" + check.skip_reason + ")";
    }
  }
  return text;
}

TEST_CASE("globs") {
  CHECK(matches_glob("a", "a"));
  CHECK_FALSE(matches_glob("a", "ab"));
  CHECK(matches_glob("*", ""));
  CHECK(matches_glob("a*c", "abbc"));
  CHECK(matches_glob("models[0].*", "models[0].fc.weight"));
  CHECK(matches_glob("a*b*c", "aXbYbc"));
  CHECK_FALSE(matches_glob("a*b*c", "aXc"));
  CHECK(matches_glob("**", "x"));
  CHECK_FALSE(matches_glob("", "x"));
  CHECK(matches_glob("", ""));
  CHECK_FALSE(matches_glob(std::string(5000, '*') + "b", std::string(5000, 'a')));
}

TEST_CASE("option --select keeps what it names and says what it left out") {
  const TemporaryFolder folder;
  const auto one = load_text(folder, kConfig, {.select = {"label-encoder"}});
  REQUIRE(one);
  CHECK(checks_of(one) == "sign/label-encoder face/label-encoder");
  CHECK(one->remarks == std::vector<std::string>{"`--select label-encoder` left out 4 of 6 checks"});
  const auto two = load_text(folder, kConfig, {.select = {"sign/*", "svc/face/a-*"}});
  REQUIRE(two);
  CHECK(checks_of(two) == "sign/label-encoder sign/inference sign/a-budget face/a-budget");
  CHECK(two->remarks ==
        std::vector<std::string>{"`--select sign/* --select svc/face/a-*` left out 2 of 6 checks"});
  const auto all = load_text(folder, kConfig, {.select = {"*"}});
  REQUIRE(all);
  CHECK(all->models[0].checks.size() == 3);
  CHECK(all->remarks.empty());
}

TEST_CASE("option --skip keeps the checks in the plan as skipped") {
  const TemporaryFolder folder;
  const auto plan = load_text(folder, kConfig, {.skip = {"face/*", "inference"}});
  REQUIRE(plan);
  CHECK(checks_of(plan) ==
        "sign/label-encoder sign/inference(`--skip inference`) sign/a-budget face/label-encoder(`--skip "
        "face/*`) "
        "face/inference(`--skip face/*`) face/a-budget(`--skip face/*`)");
  CHECK(plan->remarks == std::vector<std::string>{"`--skip face/* --skip inference` skipped 4 checks"});
  const auto both = load_text(folder, kConfig, {.select = {"inference"}, .skip = {"face/inference"}});
  REQUIRE(both);
  CHECK(checks_of(both) == "sign/inference face/inference(`--skip face/inference`)");
}

TEST_CASE("a pattern that names nothing is a bad command line") {
  const TemporaryFolder folder;
  const auto error_of = [&](std::vector<std::string> select, std::vector<std::string> skip) {
    const auto loaded = load_text(folder, kConfig, {.select = std::move(select), .skip = std::move(skip)});
    REQUIRE_FALSE(loaded);
    CHECK(exit_code(loaded.error()) == ExitCode::bad_command_line);
    return errors_text(loaded);
  };
  CHECK(error_of({"label-encodr"}, {}) ==
        "--select label-encodr: no check is called `label-encodr`; did you mean `label-encoder`?\n");
  CHECK(error_of({}, {"sing/inference"}) ==
        "--skip sing/inference: no model is called `sing`; did you mean `sign`?\n");
  CHECK(error_of({"other/sign/inference"}, {}) ==
        "--select other/sign/inference: no target is called `other`; expected `svc`\n");
  CHECK(error_of({"x*"}, {"y"}) ==
        "--select x*: no check is called `x*`; expected one of `a-budget`, `inference` and `label-encoder`\n"
        "--skip y: no check is called `y`; expected one of `a-budget`, `inference` and `label-encoder`\n");
  CHECK(error_of({""}, {}) ==
        "--select : no check is called ``; expected one of `a-budget`, `inference` and `label-encoder`\n");
  CHECK(error_of({"a/b/c/d"}, {}) ==
        "--select a/b/c/d: too many `/`; expected CHECK, MODEL/CHECK or TARGET/MODEL/CHECK\n");
}

TEST_CASE("option --jobs and --strict") {
  const TemporaryFolder folder;
  const auto plan = load_text(folder, kConfig, {.jobs = 7, .strict = true});
  REQUIRE(plan);
  CHECK(plan->jobs == 7);
  CHECK(plan->strict);
  const auto none = load_text(folder, kConfig, {.jobs = 0});
  CHECK(errors_text(none) == "--jobs 0: expected 1 to 256\n");
  CHECK(exit_code(none.error()) == ExitCode::bad_command_line);
}

TEST_CASE("profiles: an audit starts no server, a gate does not look back") {
  constexpr auto judge = test::judge_nothing<NoOptions>;
  const CheckInfo serves = define_check<NoOptions, judge>("serves", {}, {.service = true});
  const CheckInfo drifts = define_check<NoOptions, judge>("drifts", {}, {.standing = true});
  const auto planned = [&](Profile profile) {
    Plan plan;
    plan.models.push_back({.name = "sign"});
    plan.models.front().checks = {{.id = "serves", .built_in = &serves},
                                  {.id = "drifts", .built_in = &drifts}};
    apply_profile(plan, profile);
    return plan;
  };
  const Plan gate = planned(Profile::gate);
  REQUIRE(gate.models.front().checks.size() == 1);
  CHECK(gate.models.front().checks.front().id == "serves");
  CHECK(gate.models.front().checks.front().skip_reason.empty());
  const Plan audit = planned(Profile::audit);
  REQUIRE(audit.models.front().checks.size() == 2);
  CHECK(audit.models.front().checks[0].skip_reason.starts_with("an audit starts no server"));
  CHECK(audit.models.front().checks[1].skip_reason.empty());
}

}  // namespace
}  // namespace runup
