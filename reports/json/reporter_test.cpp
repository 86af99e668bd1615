// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "base/schema.h"
#include "canonical_reports.h"
#include "golden.h"

using namespace runup;
using namespace runup::testing;

namespace runup::reports::json {
extern const ReporterInfo kReporter;
}

TEST_CASE("golden: json of every canonical report") {
  for (const CanonicalReport& canonical : canonical_reports()) {
    DYNAMIC_SECTION(canonical.name) {
      check_golden(golden_path("json", canonical, "json"),
                   reports::json::kReporter.render(canonical.report, {}));
    }
  }
}

TEST_CASE("golden: the published schema of the json report") {
  Json schema{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
              {"title", "runup report, version 1"},
              {"description", "what `runup run --report json` writes; numbers of seconds for durations"}};
  schema.update(json_schema(type_info<Report>(), SchemaForm::json));
  schema["properties"]["version"] = {{"const", Report{}.version}, {"description", "of this format"}};
  check_golden("reports/json/report.schema.json", dump_json(schema, 2) + "\n");
}

TEST_CASE("json: reading a report back gives the same report, hostile bytes included") {
  for (const CanonicalReport& canonical : canonical_reports()) {
    const auto json = parse_json(reports::json::kReporter.render(canonical.report, {}), kMaxGoldenBytes);
    REQUIRE(json);
    const auto report = decode<Report>(*json);
    REQUIRE(report);
    CHECK(*report == canonical.report);
  }
}
