// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "base/text.h"
#include "canonical_reports.h"
#include "golden.h"

using namespace runup;
using namespace runup::testing;

namespace runup::reports::markdown {
extern const ReporterInfo kReporter;
}

namespace {

std::string render(const Report& report) { return reports::markdown::kReporter.render(report, {}); }

}  // namespace

TEST_CASE("golden: markdown of every canonical report") {
  for (const CanonicalReport& canonical : canonical_reports()) {
    DYNAMIC_SECTION(canonical.name) {
      check_golden(golden_path("markdown", canonical, "md"), render(canonical.report));
    }
  }
}

TEST_CASE("markdown: what stands in the way comes first, with its fix") {
  const std::string text = render(not_ready_report());
  CHECK(text.starts_with("### ❌ sign-language-service: NOT READY\n"));
  CHECK(text.contains("- **error**: label encoder has 7 classes; `classifier.6.bias` has 9 outputs"));
  CHECK(text.contains("- **fix:** save the encoder"));
  CHECK(text.find("#### ❌ label-encoder") < text.find("<details>"));
  CHECK(text.contains("#### ❔ inference"));
  CHECK(text.contains("| ➖ | conversion-parity | skipped: no conversion is named |"));
}

TEST_CASE("markdown: what a file says is text, never markup") {
  Report report = not_ready_report();
  Finding& finding = report.results[0].outcome.findings[0];
  finding.message =
      "[a](http://evil) <img src=x> @everyone #1 **b** _c_ ~~d~~ | e `f|g` ``h ![i](j) www.evil.org";
  finding.where.file = "x`y";
  finding.evidence = {{"<b>", "a\n## heading"}};
  const std::string text = render(report);
  for (const char* markup : {"http://", "[a]", "<img", "@everyone", " #1", "**b**", " _c_", "~~d~~", "`f|g`",
                             "www.evil", "<b>", "\n## heading"}) {
    INFO(markup);
    CHECK_FALSE(text.contains(markup));
  }
  CHECK(text.contains("`f¦g`"));
}

TEST_CASE("markdown: a report that is too long leaves out sections, and says so") {
  Report report = not_ready_report();
  report.results[0].outcome.findings.assign(100, report.results[0].outcome.findings[0]);
  for (Finding& finding : report.results[0].outcome.findings) {
    finding.message = std::string(5000, 'x');
  }
  const std::string text = render(report);
  CHECK(text.size() <= 65'000);
  CHECK(text.contains("1 section is left out"));
  CHECK(text.contains("#### ❌ label-encoder"));
}
