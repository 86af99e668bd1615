// SPDX-License-Identifier: Apache-2.0
// Includes point one way, and no test is left unbuilt.

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/text.h"

using namespace runup;
namespace fs = std::filesystem;

namespace {

const fs::path kSource = RUNUP_SOURCE_DIR;
constexpr std::size_t kMostBytes = std::size_t{64} << 20U;

// Which folders of src/ each folder may include, besides itself. `*` is every folder.
const std::map<std::string, std::set<std::string>> kMayInclude{
    {"base", {}},
    {"facts", {"base"}},
    {"artifact", {"base", "facts"}},
    {"package_files", {"base", "facts"}},
    {"check", {"base", "facts"}},
    {"report", {"base", "facts", "check"}},
    {"history", {"base", "facts", "check", "report"}},
    {"config", {"base", "facts", "check", "report"}},
    {"probes", {"base", "facts", "artifact", "package_files"}},
    {"runner", {"base", "facts", "check", "report", "config", "probes"}},
    {"init", {"base", "facts", "check", "report", "config", "probes", "runner"}},
    {"program", {"base", "facts", "check", "report", "config", "probes", "runner"}},
    {"cli", {"*"}},
    {"daemon", {"*"}},
    {"checks", {"base", "facts", "check"}},
    // A reporter renders a Report, whose outcomes are defined with the checks' vocabulary.
    {"reports", {"base", "check", "report"}}};

std::vector<fs::path> files_below(const fs::path& folder, std::set<std::string> extensions) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && extensions.contains(entry.path().extension().string())) {
      files.push_back(entry.path());
    }
  }
  std::ranges::sort(files);
  return files;
}

std::string content_of(const fs::path& file) {
  const auto content = read_file(file.string(), kMostBytes);
  return content.value_or("");
}

// What `#include "..."` names in a file.
std::vector<std::string> own_includes(const fs::path& file) {
  std::vector<std::string> found;
  for (const std::string& line : split(content_of(file), '\n')) {
    constexpr std::string_view kInclude = "#include \"";
    if (line.starts_with(kInclude)) {
      found.push_back(line.substr(kInclude.size(), line.rfind('"') - kInclude.size()));
    }
  }
  return found;
}

bool is_test(const fs::path& file) { return file.filename().string().ends_with("_test.cpp"); }

// The top folder of an include that begins with a folder of src/; empty for a file beside the source.
std::string top_folder(const std::string& include) {
  const std::string top = include.substr(0, include.find('/'));
  return include.contains('/') && fs::is_directory(kSource / "src" / top) ? top : "";
}

void check_includes(const std::string& folder, const fs::path& place) {
  const std::set<std::string>& allowed = kMayInclude.at(folder);
  for (const fs::path& file : files_below(place, {".cpp", ".h"})) {
    for (const std::string& include : own_includes(file)) {
      const std::string top = top_folder(include);
      INFO(file.string() << " includes " << include);
      CHECK(
          (top.empty() || top == folder || allowed.contains(top) || allowed.contains("*") || is_test(file)));
      // A file beside the source is named without a folder, so that nothing reaches into another folder.
      const bool beside = top.empty() && !include.contains('/') && fs::exists(file.parent_path() / include);
      CHECK((!top.empty() || beside || is_test(file)));
    }
  }
}

}  // namespace

TEST_CASE("includes point one way") {
  for (const auto& entry : fs::directory_iterator(kSource / "src")) {
    const std::string folder = entry.path().filename().string();
    INFO(folder);
    REQUIRE(kMayInclude.contains(folder));
    check_includes(folder, entry.path());
  }
  check_includes("checks", kSource / "checks");
  check_includes("reports", kSource / "reports");
}

TEST_CASE("every test file is built") {
  const auto commands =
      parse_json(content_of(fs::path(RUNUP_BINARY_DIR) / "compile_commands.json"), kMostBytes);
  REQUIRE(commands);
  std::set<std::string> built;
  for (const Json& command : *commands) {
    built.insert(command.at("file").get<std::string>());
  }
  std::size_t tests = 0;
  for (const char* folder : {"src", "checks", "reports", "tests"}) {
    for (const fs::path& file : files_below(kSource / folder, {".cpp"})) {
#ifndef RUNUP_TORCH
      if (file.string().contains("/probes/torch/")) {
        continue;
      }
#endif
      if (is_test(file)) {
        INFO(file.string());
        CHECK(built.contains(file.string()));
        ++tests;
      }
    }
  }
  CHECK(tests > 10);
}
