// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <catch2/catch_test_macros.hpp>

#include "base/text.h"
#include "canonical_reports.h"
#include "golden.h"

using namespace runup;
using namespace runup::testing;

namespace runup::reports::github {
extern const ReporterInfo kReporter;
}

namespace {

std::vector<std::string> lines_of(const Report& report, const std::string& folder = "") {
  const std::string text = reports::github::kReporter.render(report, {.folder = folder});
  REQUIRE(text.ends_with('\n'));
  return split(text.substr(0, text.size() - 1), '\n');
}

std::ptrdiff_t number_of(const std::vector<std::string>& lines, std::string_view start) {
  return std::ranges::count_if(lines, [&](const std::string& line) { return line.starts_with(start); });
}

}  // namespace

TEST_CASE("golden: github of every canonical report") {
  for (const CanonicalReport& canonical : canonical_reports()) {
    DYNAMIC_SECTION(canonical.name) {
      check_golden(golden_path("github", canonical, "txt"),
                   reports::github::kReporter.render(canonical.report, {.folder = "/srv"}));
    }
  }
}

TEST_CASE("github: each line is one command, whatever the report says") {
  for (const CanonicalReport& canonical : canonical_reports()) {
    INFO(canonical.name);
    for (const std::string& line : lines_of(canonical.report)) {
      INFO(line);
      CHECK(
          (line.starts_with("::error ") || line.starts_with("::warning ") || line.starts_with("::notice ")));
      CHECK(line.find('\r') == std::string::npos);
    }
    CHECK((number_of(lines_of(canonical.report), "::error ") == 0) ==
          (canonical.report.verdict == Verdict::ready));
  }
}

TEST_CASE("github: files are relative to the folder that is given, and what is escaped comes back") {
  Report report = not_ready_report();
  report.results[0].outcome.findings[0].message = "50%, a:b\r\nnext";
  report.results[0].outcome.findings[0].where.file = "models/a,b:c.pth";
  const auto lines = lines_of(report, "/srv/sign-language-service");
  const auto found = std::ranges::find_if(
      lines, [](const std::string& line) { return line.contains("device-mapping/foreign-storage"); });
  REQUIRE(found != lines.end());
  CHECK(found->contains("file=models/a%2Cb%3Ac.pth,"));
  CHECK(found->contains("::50%25, a:b"));
  CHECK(found->contains("%0Anext"));
  CHECK(lines_of(report, "/srv")[0].contains("file=sign-language-service/models/a"));
  CHECK(lines_of(report, "/elsewhere")[0].contains("file=/srv/sign-language-service/models/a"));
}

TEST_CASE("github: no more than ten of a kind, and the last one says so") {
  Report report = not_ready_report();
  const Finding one = report.results[0].outcome.findings[0];
  report.results[0].outcome.findings.assign(30, one);
  const auto lines = lines_of(report);
  CHECK(number_of(lines, "::error ") == 10);
  CHECK(lines.back().contains("23 annotations are not shown here"));
}
