// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "base/text.h"
#include "canonical_reports.h"
#include "golden.h"

using namespace runup;
using namespace runup::testing;

namespace runup::reports::text {
extern const ReporterInfo kReporter;
}

namespace {

std::string render(const Report& report, RenderOptions options = {}) {
  return reports::text::kReporter.render(report, options);
}

std::string without_colour(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (text.front() == '\x1b') {
      text.remove_prefix(std::min(text.find('m') + 1, text.size()));
      continue;
    }
    out += text.front();
    text.remove_prefix(1);
  }
  return out;
}

}  // namespace

TEST_CASE("golden: text of every canonical report") {
  for (const CanonicalReport& canonical : canonical_reports()) {
    DYNAMIC_SECTION(canonical.name) {
      check_golden(golden_path("text", canonical, "txt"), render(canonical.report));
    }
  }
}

TEST_CASE("golden: text on terminals") {
  const Report report = not_ready_report();
  check_golden("reports/text/golden/not-ready-colour.1.txt", render(report, {.colour = true, .width = 100}));
  check_golden("reports/text/golden/not-ready-narrow.1.txt", render(report, {.width = 60}));
  check_golden("reports/text/golden/not-ready-brief.1.txt", render(report, {.brief = true}));
  check_golden("reports/text/golden/ready-verbose.0.txt", render(ready_report(), {.verbose = true}));
  check_golden("reports/text/golden/ready-brief.0.txt", render(ready_report(), {.brief = true}));
}

TEST_CASE("text: colour only adds escapes, and only when asked") {
  for (const CanonicalReport& canonical : canonical_reports()) {
    const std::string plain = render(canonical.report, {.width = 100});
    CHECK(!plain.contains('\x1b'));
    CHECK(without_colour(render(canonical.report, {.colour = true, .width = 100})) == plain);
  }
}

TEST_CASE("text: whatever comes in, the output is safe to print") {
  for (const CanonicalReport& canonical : canonical_reports()) {
    for (const int width : {0, 1, 40, 80, 100'000}) {
      const std::string text = render(canonical.report, {.width = width, .verbose = true});
      CHECK(is_valid_utf8(text));
      for (const char c : text) {
        CHECK((c == '\n' || static_cast<unsigned char>(c) >= 0x20));
      }
      CHECK(text.back() == '\n');
      CHECK(!text.contains(" \n"));
      CHECK(text.size() < 30'000);
    }
  }
}

TEST_CASE("text: lines keep to the terminal, and times stand in one column") {
  const std::string text = render(ready_report(), {.width = 80});
  for (const std::string& line : split(text, '\n')) {
    CHECK(display_width(line) <= 80);
    if (line.starts_with("  ✓")) {
      CHECK(display_width(line) == 80);
      CHECK(line.ends_with("s"));
    }
  }
}

TEST_CASE("text: every fact of a finding is told, and the last line is the verdict") {
  const std::string text = render(not_ready_report(), {.width = 120});
  const Finding finding = class_count_finding();
  CHECK(text.contains(finding.message));
  CHECK(text.contains("label-encoder/class-count-mismatch"));
  CHECK(text.contains(finding.where.file));
  CHECK(text.contains("fix: "));
  CHECK(text.contains("skipped: no conversion is named"));
  const std::vector<std::string> lines = split(text, '\n');
  CHECK(lines[lines.size() - 2] ==
        "NOT READY: 2 of 8 checks failed (4 passed, 2 failed, 1 undecided, 1 skipped), in 1.85 s");
}

TEST_CASE("text: set-up errors read like a compiler's") {
  const std::string text = render(setup_error_report());
  CHECK(text.contains("runup.yaml:4:1: unknown key `modles`; did you mean `models`\n"));
  CHECK(text.contains("UNDECIDED: nothing was checked: 3 mistakes in the set-up"));
}

TEST_CASE("text: notes are shortened unless --verbose") {
  Report report = ready_report();
  report.results[0].outcome.findings = {{.id = "remark",
                                         .severity = Severity::note,
                                         .message = std::string(200, 'm') + " end of it",
                                         .fix = "read on"}};
  const std::string shortened = render(report);
  CHECK(shortened.contains("device-mapping/remark"));
  CHECK(!shortened.contains("end of it"));
  CHECK(!shortened.contains("fix: "));
  CHECK(shortened.contains("--verbose shows them whole"));
  const std::string whole = render(report, {.verbose = true});
  CHECK(whole.contains("end of it"));
  CHECK(whole.contains("fix: read on"));
  CHECK(!whole.contains("--verbose shows"));
}

TEST_CASE("text: a cause that blocks several checks is told once for a model") {
  Report report = report_frame();
  for (const char* model : {"sign", "face"}) {
    for (const char* check : {"model-loadable", "inference", "warmup-budget"}) {
      report.results.push_back(
          not_judged(Status::undecided, check, "`x` is a Git LFS pointer; see `model-present`", 0, model));
    }
  }
  settle_verdict(report, {});
  const std::string text = render(report);
  std::size_t told = 0;
  for (std::size_t at = text.find("Git LFS"); at != std::string::npos; at = text.find("Git LFS", at + 1)) {
    ++told;
  }
  CHECK(told == 2);
  CHECK(text.contains("warmup-budget   undecided, for the same reason"));
}
