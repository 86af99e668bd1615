// SPDX-License-Identifier: Apache-2.0
#include "runner/packed_package.h"

#include <catch2/catch_test_macros.hpp>

namespace runup {
namespace {

const std::string kArchive = "/srv/dist/sign.tar.gz";

TEST_CASE("every path of the archive is moved, and no other") {
  Plan plan;
  plan.target = {.target = "sign",
                 .package = kArchive,
                 .mounts = {{.at = "/models", .from = "/srv/models"}},
                 .entrypoint = kArchive + "/main.py",
                 .python = "/usr/bin/python3",
                 .writable = {kArchive + "/cache", "/var/cache"}};
  plan.models.push_back({.name = "m",
                         .declaration = {.path = kArchive + "/m/x.pth",
                                         .architecture = "/srv/dist/sign.tar.gz.py",
                                         .samples = {{.input = kArchive + "/s.npy"}},
                                         .conversions = {{.path = kArchive + "/m/x.onnx"}}}});
  move_paths(plan, kArchive, "/tmp/u/top");
  CHECK(plan.target.package == "/tmp/u/top");
  CHECK(plan.target.entrypoint == "/tmp/u/top/main.py");
  CHECK(plan.target.python == "/usr/bin/python3");
  CHECK(plan.target.mounts[0].from == "/srv/models");
  CHECK(plan.target.writable == std::vector<std::string>{"/tmp/u/top/cache", "/var/cache"});
  const ModelDeclaration& model = plan.models[0].declaration;
  CHECK(model.path == "/tmp/u/top/m/x.pth");
  CHECK(model.architecture == "/srv/dist/sign.tar.gz.py");
  CHECK(model.samples[0].input == "/tmp/u/top/s.npy");
  CHECK(model.conversions[0].path == "/tmp/u/top/m/x.onnx");
}

TEST_CASE("the report names the archive, never the scratch folder") {
  PackedPackage packed;
  auto folder = ScratchFolder::make("runup-package-test");
  REQUIRE(folder);
  packed.folder = std::move(*folder);
  packed.archive =
      Observed<ArchiveFacts>::seen({.path = kArchive, .top_folder = "sign-1.2/", .whole = true}, {});
  const std::string scratch = packed.folder->path();
  CHECK(packed.root() == scratch + "/sign-1.2");
  Report report{.remarks = {"`" + packed.root() + "/x` and `" + scratch + "`"}};
  report.results.push_back({.outcome = {.evidence = {{.name = packed.root() + "/a", .value = "b"}},
                                        .findings = {{.message = "no `" + packed.root() + "/m`"}},
                                        .reason = scratch + "/sign-1.2"}});
  name_archive(report, packed);
  CHECK(report.remarks[0] == "`" + kArchive + "/x` and `" + kArchive + "`");
  const Outcome& outcome = report.results[0].outcome;
  CHECK(outcome.evidence[0].name == kArchive + "/a");
  CHECK(outcome.findings[0].message == "no `" + kArchive + "/m`");
  CHECK(outcome.reason == kArchive);
}

TEST_CASE("nothing is judged of an archive that is not whole, or could not be unpacked") {
  CHECK_FALSE(is_locked_away(Observed<ArchiveFacts>{}));
  CHECK_FALSE(is_locked_away(Observed<ArchiveFacts>::seen({.whole = true}, {})));
  CHECK(is_locked_away(Observed<ArchiveFacts>::seen({.whole = false}, {})));
  CHECK(is_locked_away(Observed<ArchiveFacts>::none({.kind = AbsenceKind::timed_out})));
  CHECK(locked_away(Observed<ArchiveFacts>::seen({}, {})).kind == AbsenceKind::blocked);
}

}  // namespace
}  // namespace runup
