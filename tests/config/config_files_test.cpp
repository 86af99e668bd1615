// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <string>

#include <catch2/catch_test_macros.hpp>

#include "config/config_schema.h"
#include "config/load.h"
#include "config/plan_text.h"
#include "config/test_checks.h"
#include "golden.h"

namespace runup {
namespace {

constexpr int kIndent = 2;

std::string schema_text(std::span<const CatalogueEntry> catalogue) {
  return dump_json(config_schema(catalogue), kIndent) + "\n";
}

TEST_CASE("the schema for editors is golden") {
  testing::check_golden("configs/schema/runup.schema.json", schema_text(built_in_checks()));
}

// For validate_schema.py, whose bad configs name these checks.
TEST_CASE("the schema of the tests' checks is golden") {
  testing::check_golden("tests/config/test_checks.schema.json", schema_text(test::kCatalogue));
}

TEST_CASE("every example loads, and its resolved plan loads again") {
  std::size_t examples = 0;
  for (const auto& folder : std::filesystem::directory_iterator(RUNUP_SOURCE_DIR "/configs/examples")) {
    const std::filesystem::path file = folder.path() / "runup.yaml";
    INFO(file.string());
    const auto plan =
        load_config({.config = file.string(), .profile = Profile::audit, .catalogue = built_in_checks()});
    INFO(test::errors_text(plan));
    REQUIRE(plan);
    CHECK(plan->models.front().checks.size() == built_in_checks().size());
    const test::TemporaryFolder elsewhere;
    const std::string resolved = elsewhere.write("resolved.yaml", render_plan(*plan));
    const auto again = load_config({.config = resolved, .catalogue = built_in_checks()});
    INFO(test::errors_text(again));
    REQUIRE(again);
    CHECK(again->resolved == plan->resolved);
    ++examples;
  }
  CHECK(examples >= 2);
}

TEST_CASE("no built-in check has an option that its entry has already") {
  for (const CatalogueEntry& check : built_in_checks()) {
    for (const FieldInfo& option : check.info->option_type().members) {
      INFO(check.info->id << " " << option.name);
      CHECK(option.name != "enabled");
      CHECK(option.name != "severity");
    }
  }
}

}  // namespace
}  // namespace runup
