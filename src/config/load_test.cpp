// SPDX-License-Identifier: Apache-2.0
#include "config/load.h"

#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "config/test_checks.h"

namespace runup {
namespace {

using test::errors_text;
using test::load_text;
using test::TemporaryFolder;

struct BadConfig {
  std::string name;
  std::string text;
  // all errors, one a line, without the file's name
  std::string errors;
};

// tests/config/bad_configs.txt: `==== NAME`, the config, `----`, its errors.
std::vector<BadConfig> bad_configs() {
  std::ifstream file(RUNUP_SOURCE_DIR "/tests/config/bad_configs.txt");
  std::vector<BadConfig> configs;
  bool in_errors = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("==== ")) {
      configs.push_back({.name = line.substr(5)});
      in_errors = false;
    } else if (line.starts_with("----")) {
      in_errors = true;
    } else {
      (in_errors ? configs.back().errors : configs.back().text) += line + "\n";
    }
  }
  return configs;
}

TEST_CASE("each mistake is named at its place") {
  const auto configs = bad_configs();
  REQUIRE(configs.size() > 40);
  for (const BadConfig& bad : configs) {
    const TemporaryFolder folder;
    const auto loaded = load_text(folder, bad.text);
    INFO(bad.name << "\n" << bad.text);
    std::string errors = errors_text(loaded);
    for (std::size_t start = 0; (start = errors.find("runup.yaml:", start)) != std::string::npos;) {
      errors.erase(start, std::string_view("runup.yaml:").size());
    }
    CHECK(errors == bad.errors);
    REQUIRE_FALSE(loaded);
    CHECK(exit_code(loaded.error()) == ExitCode::bad_config);
  }
}

}  // namespace
}  // namespace runup
