// SPDX-License-Identifier: Apache-2.0

// SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format"), as far as GitHub's code scanning and editors read
// it: each result has a location, a rule of the driver and a fingerprint that stays the same from run to run. What could
// not be told is a result of its own rule `CHECK/undecided`, not one of kind `open`: viewers leave those out, and a run
// that looked at nothing would look clean.

#include <algorithm>
#include <format>
#include <map>
#include <utility>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/text.h"
#include "report/report.h"
#include "report/summary.h"

namespace runup::reports::sarif {

namespace {

std::string_view level_of(Severity severity) { return enum_name(severity); }

// A relative reference or a file URI (RFC 3986): what is not unreserved, and no `/`, is escaped.
std::string uri_of(std::string_view path) {
  std::string uri = path.starts_with('/') ? "file://" : "";
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    const bool kept = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                      (byte >= '0' && byte <= '9') || std::string_view("-._~/").contains(c);
    uri += kept ? std::string(1, c) : std::format("%{:02X}", byte);
  }
  return uri;
}

struct Place {
  std::string path;
  std::uint64_t line = 0;
  std::uint64_t column = 0;
  std::string key;
};

Json location(const Place& place) {
  // GitHub wants a region.
  Json region{{"startLine", std::max<std::uint64_t>(place.line, 1)}};
  if (place.column > 0) {
    region["startColumn"] = place.column;
  }
  Json location{{"physicalLocation",
                 {{"artifactLocation", {{"uri", uri_of(place.path)}}}, {"region", std::move(region)}}}};
  if (!place.key.empty()) {
    location["logicalLocations"] = Json::array({{{"fullyQualifiedName", printable(place.key)}}});
  }
  return location;
}

// Where to read more about a rule. What is no finding of a check has no page.
std::string help_of(const std::string& rule) {
  const std::string check = rule.substr(0, rule.find('/'));
  if (check == "waivers") {
    return "an entry of the config's `waivers:` that has expired or accepts nothing: renew or remove it";
  }
  if (check == "setup" || check == "verdict") {
    return "the message says what is wrong and what to do";
  }
  return std::format("`runup explain {}` says what must hold, why, and how it is fixed", check);
}

class Run {
 public:
  Run(const Report& report, std::string_view folder) : report_(report), folder_(folder) {}

  Json log() {
    for (const SetupError& error : report_.setup_errors) {
      add("setup", "error", error.message, "",
          {.path = path_of(report_, error.file.empty() ? report_.config : error.file, folder_),
           .line = error.line,
           .column = error.column},
          "setup");
    }
    for (const CheckResult& result : report_.results) {
      add_result(result);
    }
    for (const WaiverReport& waiver : report_.waivers) {
      if (is_out_of_date(waiver)) {
        Place place = config();
        place.line = waiver.line;
        place.key = waiver_name(waiver);
        add(std::format("waivers/{}", enum_name(waiver.state)), "warning",
            std::format("the waiver of {} {}", waiver_name(waiver), waiver_text(waiver)), "", place,
            "waivers");
      }
    }
    if (report_.verdict == Verdict::undecided && results_.empty()) {
      add("verdict/undecided", "error", report_.verdict_reason, "", config(), "verdict");
    }
    return {{"$schema", "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"},
            {"version", "2.1.0"},
            {"runs", Json::array({run()})}};
  }

 private:
  Place config() const { return {.path = path_of(report_, Location{}, folder_)}; }

  void add_result(const CheckResult& result) {
    const std::string scope = std::format("{}/{}", report_.target, result.model);
    for (const Finding& finding : result.outcome.findings) {
      add(std::format("{}/{}", result.check, finding.id), level_of(finding.severity), finding.message,
          finding.fix,
          {.path = path_of(report_, finding.where, folder_),
           .line = finding.where.line.value_or(0),
           .key = finding.where.key},
          scope);
      if (finding.accepted) {
        // By what SARIF 2.1.0, 3.35 calls an external suppression: one that is not in the source itself.
        results_.back()["suppressions"] =
            Json::array({{{"kind", "external"},
                          {"status", "accepted"},
                          {"justification", printable(acceptance_text(*finding.accepted))}}});
      }
    }
    if (result.outcome.status == Status::undecided) {
      add(result.check + "/undecided", "error", "undecided: " + result.outcome.reason, "", config(), scope);
    }
  }

  void add(const std::string& rule, std::string_view level, const std::string& message,
           const std::string& fix, const Place& place, const std::string& scope) {
    std::string text = printable(message.empty() ? rule : message);
    if (!fix.empty()) {
      text += "\nfix: " + printable(fix);
    }
    const auto [known, added] = rules_.try_emplace(printable(rule), rules_.size());
    // Two of a rule at one place are told apart by what they say.
    std::string identity = std::format("{}\n{}\n{}\n{}", scope, rule, place.path, place.key);
    identity += seen_[identity]++ > 0 ? "\n" + message : "";
    results_.push_back({{"ruleId", known->first},
                        {"ruleIndex", known->second},
                        {"level", level},
                        {"message", {{"text", std::move(text)}}},
                        {"locations", Json::array({location(place)})},
                        {"partialFingerprints", {{"runup/v1", sha256_hex(as_bytes(identity))}}}});
  }

  Json run() const {
    Json rules = Json::array();
    std::vector<std::string> ordered(rules_.size());
    for (const auto& [id, index] : rules_) {
      ordered[index] = id;
    }
    for (const std::string& id : ordered) {
      rules.push_back({{"id", id}, {"shortDescription", {{"text", id}}}, {"help", {{"text", help_of(id)}}}});
    }
    const Json driver{{"name", "runup"}, {"version", report_.runup_version}, {"rules", std::move(rules)}};
    const Json invocation{
        {"executionSuccessful", report_.verdict != Verdict::undecided},
        {"exitCode", static_cast<int>(exit_code(report_))},
        {"exitCodeDescription",
         printable(std::format("{}: {}", verdict_words(report_.verdict), report_.verdict_reason))},
        {"startTimeUtc", report_.started},
        {"machine", printable(report_.host_name)}};
    return {{"tool", {{"driver", driver}}},
            {"invocations", Json::array({invocation})},
            {"results", results_},
            {"automationDetails", {{"id", printable(std::format("runup/{}/", report_.target))}}},
            {"columnKind", "unicodeCodePoints"}};
  }

  const Report& report_;
  std::string_view folder_;
  std::map<std::string, std::size_t> rules_;
  std::map<std::string, std::size_t> seen_;
  Json results_ = Json::array();
};

std::string render(const Report& report, const RenderOptions& options) {
  return dump_json(Run(report, options.folder).log(), 2) + "\n";
}

}  // namespace

extern const ReporterInfo kReporter;
const ReporterInfo kReporter{
    .name = "sarif", .summary = "for code scanning and editors: SARIF 2.1.0", .render = render};

}  // namespace runup::reports::sarif
