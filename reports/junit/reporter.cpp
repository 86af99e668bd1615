// SPDX-License-Identifier: Apache-2.0

// JUnit XML as CI dashboards read it. There is no one standard; this keeps to the part on which the
// Jenkins schema (jenkinsci/xunit-plugin, junit-10.xsd) and GitLab's documented reader ("Unit test
// reports") agree: GitLab knows a test by classname and name and drops a second one with the same
// pair, it shows the text of <failure> and <error> and not their `message`, and Jenkins takes the
// reason of <skipped> from `message`.

#include <algorithm>
#include <format>
#include <sstream>

#include <pugixml.hpp>

#include "base/text.h"
#include "report/report.h"
#include "report/summary.h"

namespace runup::reports::junit {

namespace {

// Well-formed UTF-8 of characters that XML 1.0 allows; the others are shown as `\x1b` or `\uFFFE`.
std::string xml_text(std::string_view raw) {
  std::string text = printable(raw);
  for (const auto& [forbidden, shown] : {std::pair{"\uFFFE", "\\uFFFE"}, {"\uFFFF", "\\uFFFF"}}) {
    for (std::size_t at = text.find(forbidden); at != std::string::npos; at = text.find(forbidden, at)) {
      text.replace(at, 3, shown);
    }
  }
  return text;
}

void set(pugi::xml_node node, const char* name, std::string_view value) {
  node.append_attribute(name).set_value(xml_text(value).c_str());
}

void set_text(pugi::xml_node node, std::string_view text) {
  node.append_child(pugi::node_pcdata).set_value(xml_text(text).c_str());
}

std::string seconds(Duration duration) { return std::format("{:.6f}", duration.seconds()); }

std::string evidence_lines(const std::vector<Evidence>& evidence, std::string_view indent) {
  std::string text;
  for (const Evidence& item : evidence) {
    text += std::format("{}{}: {}\n", indent, item.name, item.value);
  }
  return text;
}

std::string finding_text(const CheckResult& result, const Finding& finding) {
  std::string text = std::format("{}{}: {} [{}/{}]\n", finding.accepted ? "accepted " : "",
                                 enum_name(finding.severity), finding.message, result.check, finding.id);
  if (finding.accepted) {
    text += std::format("  {}\n", acceptance_text(*finding.accepted));
  }
  if (const std::string where = location_text(finding.where); !where.empty()) {
    text += std::format("  at: {}\n", where);
  }
  text += evidence_lines(finding.evidence, "  ");
  if (!finding.fix.empty()) {
    text += std::format("  fix: {}\n", finding.fix);
  }
  return text;
}

std::string findings_lines(const CheckResult& result) {
  std::string text;
  for (const Finding& finding : result.outcome.findings) {
    text += finding_text(result, finding);
  }
  return text;
}

void append_problem(pugi::xml_node testcase, const char* element, std::string_view type,
                    std::string_view message, std::string_view text) {
  pugi::xml_node node = testcase.append_child(element);
  set(node, "message", message);
  set(node, "type", type);
  set_text(node, text);
}

void append_failure(pugi::xml_node testcase, const CheckResult& result) {
  const Outcome& outcome = result.outcome;
  const std::vector<Finding>& findings = outcome.findings;
  std::string message = findings.empty() ? "failed" : findings.front().message;
  const auto counted = static_cast<std::size_t>(
      std::ranges::count_if(findings, [](const Finding& one) { return !one.accepted; }));
  if (counted > 1) {
    message += std::format(" (and {} more)", count_of(counted - 1, "finding", "findings"));
  }
  std::string text = findings_lines(result);
  if (!outcome.reason.empty()) {
    text += std::format("besides, undecided: {}\n", outcome.reason);
  }
  append_problem(testcase, "failure",
                 findings.empty() ? result.check : std::format("{}/{}", result.check, findings.front().id),
                 message, text);
}

void append_result(pugi::xml_node suite, const Report& report, const CheckResult& result) {
  const Outcome& outcome = result.outcome;
  pugi::xml_node testcase = suite.append_child("testcase");
  set(testcase, "classname", std::format("runup.{}.{}", report.target, result.model));
  set(testcase, "name", result.check);
  set(testcase, "time", seconds(result.took));
  std::string output;
  switch (outcome.status) {
    case Status::passed:
      output = findings_lines(result);
      break;
    case Status::failed:
      append_failure(testcase, result);
      break;
    case Status::skipped: {
      pugi::xml_node skipped = testcase.append_child("skipped");
      set(skipped, "message", outcome.reason);
      set_text(skipped, outcome.reason);
      output = findings_lines(result);
      break;
    }
    case Status::undecided:
      append_problem(testcase, "error", "undecided", outcome.reason, outcome.reason);
      output = findings_lines(result);
      break;
  }
  output += evidence_lines(outcome.evidence, "");
  if (!output.empty()) {
    set_text(testcase.append_child("system-out"), output);
  }
}

// A verdict that no check shows (nothing ran, no witness, a mistake in the config) is a test of its
// own: a file without a red line would be a green one.
void append_run_problem(pugi::xml_node suite, const Report& report) {
  std::string text = report.verdict_reason + "\n";
  for (const SetupError& error : report.setup_errors) {
    text += setup_error_text(error) + "\n";
  }
  pugi::xml_node testcase = suite.append_child("testcase");
  set(testcase, "classname", report.target.empty() ? "runup" : "runup." + report.target);
  set(testcase, "name", report.setup_errors.empty() ? "verdict" : "setup");
  set(testcase, "time", seconds({}));
  append_problem(testcase, "error", report.setup_errors.empty() ? "undecided" : "bad-config",
                 report.verdict_reason, text);
}

void append_properties(pugi::xml_node suite, const Report& report) {
  pugi::xml_node properties = suite.append_child("properties");
  const auto add = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) {
      pugi::xml_node property = properties.append_child("property");
      set(property, "name", name);
      set(property, "value", value);
    }
  };
  add("verdict", enum_name(report.verdict));
  add("verdict.reason", report.verdict_reason);
  add("runup.version", report.runup_version);
  add("config", report.config);
  add("host", report.host);
  add("strict", report.strict ? "true" : "");
  for (const ReportWitness& witness : report.witnesses) {
    add("witness." + witness.model + (witness.file.empty() ? "" : "." + witness.file), witness_text(witness));
  }
  for (std::size_t i = 0; i < report.waivers.size(); ++i) {
    add(std::format("waiver.{}", i + 1),
        std::format("{} {}", waiver_name(report.waivers[i]), waiver_text(report.waivers[i])));
  }
  for (std::size_t i = 0; i < report.remarks.size(); ++i) {
    add(std::format("remark.{}", i + 1), report.remarks[i]);
  }
}

struct Totals {
  std::size_t tests = 0;
  std::size_t failures = 0;
  std::size_t errors = 0;
  std::size_t skipped = 0;
};

void set_totals(pugi::xml_node node, const Totals& totals, Duration took) {
  set(node, "tests", std::to_string(totals.tests));
  set(node, "failures", std::to_string(totals.failures));
  set(node, "errors", std::to_string(totals.errors));
  set(node, "time", seconds(took));
}

std::string render(const Report& report, const RenderOptions&) {
  const ReportCounts counts = count(report.results);
  Totals totals{.tests = report.results.size(),
                .failures = counts.failed,
                .errors = counts.undecided,
                .skipped = counts.skipped};
  const bool red = totals.failures + totals.errors > 0 || report.verdict == Verdict::ready;
  if (!red) {
    ++totals.tests;
    ++totals.errors;
  }

  pugi::xml_document document;
  pugi::xml_node declaration = document.append_child(pugi::node_declaration);
  declaration.append_attribute("version").set_value("1.0");
  declaration.append_attribute("encoding").set_value("UTF-8");
  pugi::xml_node suites = document.append_child("testsuites");
  set(suites, "name", "runup");
  set_totals(suites, totals, report.took);
  pugi::xml_node suite = suites.append_child("testsuite");
  set(suite, "name", report.target.empty() ? "runup" : report.target);
  set_totals(suite, totals, report.took);
  set(suite, "skipped", std::to_string(totals.skipped));
  set(suite, "timestamp", report.started);
  set(suite, "hostname", report.host_name);
  append_properties(suite, report);
  for (const CheckResult& result : report.results) {
    append_result(suite, report, result);
  }
  if (!red) {
    append_run_problem(suite, report);
  }

  std::ostringstream out;
  document.save(out, "  ", pugi::format_default, pugi::encoding_utf8);
  return out.str();
}

}  // namespace

extern const ReporterInfo kReporter;
const ReporterInfo kReporter{.name = "junit",
                             .summary = "for CI dashboards: JUnit XML that GitLab, Jenkins and GitHub read",
                             .render = render};

}  // namespace runup::reports::junit
