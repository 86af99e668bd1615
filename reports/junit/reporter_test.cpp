// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>
#include <pugixml.hpp>

#include "base/text.h"
#include "canonical_reports.h"
#include "golden.h"

using namespace runup;
using namespace runup::testing;

namespace runup::reports::junit {
extern const ReporterInfo kReporter;
}

namespace {

std::string render(const Report& report) { return reports::junit::kReporter.render(report, {}); }

pugi::xml_document parsed(const Report& report) {
  pugi::xml_document document;
  REQUIRE(document.load_string(render(report).c_str()));
  return document;
}

std::size_t number_of(const pugi::xml_document& document, const char* query) {
  return document.select_nodes(query).size();
}

}  // namespace

TEST_CASE("golden: junit of every canonical report") {
  for (const CanonicalReport& canonical : canonical_reports()) {
    DYNAMIC_SECTION(canonical.name) {
      check_golden(golden_path("junit", canonical, "xml"), render(canonical.report));
    }
  }
}

TEST_CASE("junit: unfit is a failure, could not tell is an error, and neither is the other") {
  const pugi::xml_document document = parsed(not_ready_report());
  CHECK(number_of(document, "//testcase") == 8);
  CHECK(number_of(document, "//testcase[@name='label-encoder']/failure") == 1);
  CHECK(number_of(document, "//testcase[@name='inference']/error") == 1);
  CHECK(number_of(document, "//testcase[@name='conversion-parity']/skipped") == 1);
  CHECK(number_of(document, "//testcase[@name='model-present']/*[not(self::system-out)]") == 0);
  CHECK(number_of(document, "//testcase[@classname='runup.sign-language-service.sign']") == 8);
  const std::string text =
      document.select_node("//testcase[@name='label-encoder']/failure").node().text().get();
  CHECK(text.contains(class_count_finding().message));
  CHECK(text.contains(class_count_finding().fix));
  CHECK(text.contains("label-encoder/blank-class"));
}

TEST_CASE("junit: every report that is not ready has a red test") {
  for (const CanonicalReport& canonical : canonical_reports()) {
    INFO(canonical.name);
    const pugi::xml_document document = parsed(canonical.report);
    const std::size_t red = number_of(document, "//failure") + number_of(document, "//error");
    CHECK((red == 0) == (canonical.report.verdict == Verdict::ready));
  }
}

TEST_CASE("junit: the counts are those of the elements") {
  for (const CanonicalReport& canonical : canonical_reports()) {
    INFO(canonical.name);
    const pugi::xml_document document = parsed(canonical.report);
    const pugi::xml_node suite = document.select_node("//testsuite").node();
    CHECK(suite.attribute("tests").as_uint() == number_of(document, "//testcase"));
    CHECK(suite.attribute("failures").as_uint() == number_of(document, "//testcase[failure]"));
    CHECK(suite.attribute("errors").as_uint() == number_of(document, "//testcase[error]"));
    CHECK(suite.attribute("skipped").as_uint() == number_of(document, "//testcase[skipped]"));
  }
}

TEST_CASE("junit: characters that XML 1.0 forbids are shown, not dropped") {
  const std::string xml = render(hostile_report());
  CHECK(is_valid_utf8(xml));
  for (const char c : xml) {
    CHECK((c == '\n' || c == '\t' || static_cast<unsigned char>(c) >= 0x20));
  }
  CHECK(xml.contains("\\x1b[31mred"));
  CHECK(xml.contains("\\uFFFE \\uFFFF"));
  CHECK(!xml.contains("\xef\xbf\xbe"));
  // In text it would end a CDATA section that is not there; in attributes it is allowed.
  CHECK(xml.contains(">error: ]]&gt; &lt;b&gt;&amp;lt; "));
  const std::string message =
      parsed(hostile_report()).select_node("//failure").node().attribute("message").value();
  CHECK(message.starts_with("]]> <b>&lt; \\x1b]0;title"));
}
