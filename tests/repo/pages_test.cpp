// SPDX-License-Identifier: Apache-2.0
// Each check is one complete folder, and its page says what its code says.

#include <algorithm>
#include <filesystem>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "base/bytes.h"
#include "base/text.h"
#include "check/catalogue.h"
#include "config/load.h"
#include "config/test_checks.h"

using namespace runup;
namespace fs = std::filesystem;

namespace {

const fs::path kSource = RUNUP_SOURCE_DIR;
constexpr std::size_t kMostBytes = std::size_t{1} << 20U;
const std::vector<std::string> kHeadings{"What must hold", "Why",     "Findings", "Example",
                                         "How to fix",     "Options", "Limits"};

std::set<std::string> folders_of(const fs::path& parent) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(parent)) {
    if (entry.is_directory()) {
      names.insert(entry.path().filename().string());
    }
  }
  return names;
}

std::string content_of(const fs::path& file) {
  INFO(file.string());
  const auto content = read_file(file.string(), kMostBytes);
  REQUIRE(content);
  return *content;
}

// The lines below `## heading`, up to the next heading.
std::vector<std::string> section(std::string_view page, std::string_view heading) {
  std::vector<std::string> lines;
  bool inside = false;
  for (const std::string& line : split(page, '\n')) {
    if (line.starts_with("## ")) {
      inside = line.substr(3) == heading;
    } else if (inside) {
      lines.push_back(line);
    }
  }
  return lines;
}

// The first word in backticks of each line that begins with `mark`, and the whole line.
std::vector<std::pair<std::string, std::string>> items(const std::vector<std::string>& lines,
                                                       std::string_view mark) {
  std::vector<std::pair<std::string, std::string>> found;
  for (const std::string& line : lines) {
    if (line.starts_with(std::string(mark) + "`")) {
      const std::size_t begin = mark.size() + 1;
      found.emplace_back(line.substr(begin, line.find('`', begin) - begin), line);
    }
  }
  return found;
}

std::vector<std::string> yaml_blocks(const std::vector<std::string>& lines) {
  std::vector<std::string> blocks;
  bool inside = false;
  for (const std::string& line : lines) {
    if (line.starts_with("```")) {
      inside = line == "```yaml";
      if (inside) {
        blocks.emplace_back();
      }
    } else if (inside) {
      blocks.back() += line + "\n";
    }
  }
  return blocks;
}

bool is_kebab(std::string_view id) {
  static const std::regex kKebab("[a-z][a-z0-9]*(-[a-z0-9]+)*");
  return std::regex_match(id.begin(), id.end(), kKebab);
}

std::string needs_words(const Needs& needs) {
  std::vector<std::string> words;
  for (const auto& [needed, word] :
       {std::pair{needs.package, "package"}, std::pair{needs.artifact, "artifact"},
        std::pair{needs.values, "values"}, std::pair{needs.host, "host"}, std::pair{needs.source, "source"},
        std::pair{needs.runtime, "runtime"}, std::pair{needs.predictor, "predictor"},
        std::pair{needs.predictor_weights, "predictor weights"}, std::pair{needs.service, "service"},
        std::pair{needs.standing, "standing"}}) {
    if (needed) {
      words.emplace_back(word);
    }
  }
  return join(words, ", ");
}

}  // namespace

TEST_CASE("each check and each format is a complete folder, and each folder is in its table") {
  std::set<std::string> checks;
  for (const CatalogueEntry& entry : built_in_checks()) {
    checks.insert(std::string(entry.info->id));
    for (const char* file : {"check.cpp", "check.md", "check_test.cpp"}) {
      INFO(entry.info->id << "/" << file);
      CHECK(fs::is_regular_file(kSource / "checks" / entry.info->id / file));
    }
  }
  CHECK(checks == folders_of(kSource / "checks"));
  CHECK(std::ranges::is_sorted(built_in_checks(), {},
                               [](const CatalogueEntry& entry) { return entry.info->id; }));
  for (const std::string& format : folders_of(kSource / "reports")) {
    for (const char* file : {"reporter.cpp", "format.md", "reporter_test.cpp", "golden"}) {
      INFO(format << "/" << file);
      CHECK(fs::exists(kSource / "reports" / format / file));
    }
  }
}

TEST_CASE("ids are kebab-case and name the property or the problem") {
  for (const CatalogueEntry& entry : built_in_checks()) {
    std::vector<std::string_view> ids{entry.info->id};
    for (const FindingInfo& finding : entry.info->findings) {
      ids.push_back(finding.id);
    }
    for (const std::string_view id : ids) {
      INFO(entry.info->id << ": " << id);
      CHECK(is_kebab(id));
      for (const char* order : {"no-", "prefer-", "check-", "avoid-", "do-not-"}) {
        CHECK_FALSE(id.starts_with(order));
      }
    }
    CHECK(std::set(ids.begin() + 1, ids.end()).size() == entry.info->findings.size());
  }
}

TEST_CASE("each page has its front matter, and its headings in order") {
  for (const CatalogueEntry& entry : built_in_checks()) {
    INFO(entry.info->id);
    for (const char* key : {"summary", "severity", "needs", "since"}) {
      INFO(key);
      CHECK_FALSE(page_field(entry.page, key).empty());
    }
    CHECK(page_field(entry.page, "needs") == needs_words(entry.info->needs));
    std::vector<std::string> headings;
    for (const std::string& line : split(entry.page, '\n')) {
      if (line.starts_with("## ")) {
        headings.push_back(line.substr(3));
      }
    }
    CHECK(headings == kHeadings);
    for (const std::string& heading : headings) {
      INFO(heading);
      CHECK(std::ranges::any_of(section(entry.page, heading),
                                [](const std::string& line) { return !trim(line).empty(); }));
    }
  }
}

TEST_CASE("each page lists the findings of the code, with their severities") {
  for (const CatalogueEntry& entry : built_in_checks()) {
    INFO(entry.info->id);
    std::vector<std::string> in_code;
    for (const FindingInfo& finding : entry.info->findings) {
      in_code.emplace_back(finding.id);
    }
    std::vector<std::string> on_page;
    for (const auto& [id, line] : items(section(entry.page, "Findings"), "- ")) {
      on_page.push_back(id);
      const auto finding = std::ranges::find(entry.info->findings, id, &FindingInfo::id);
      if (line.contains("` (") && finding != entry.info->findings.end()) {
        INFO(line);
        CHECK(line.contains("` (" + std::string(enum_name(finding->severity)) + ")"));
      }
    }
    std::ranges::sort(in_code);
    std::ranges::sort(on_page);
    CHECK(in_code == on_page);
  }
}

TEST_CASE("each page lists the options of the code, in order") {
  for (const CatalogueEntry& entry : built_in_checks()) {
    INFO(entry.info->id);
    std::vector<std::string> in_code;
    for (const FieldInfo& option : entry.info->option_type().members) {
      in_code.push_back(option.name);
      INFO(option.name);
      CHECK_FALSE(option.help.empty());
    }
    std::vector<std::string> on_page;
    for (const auto& [name, line] : items(section(entry.page, "Options"), "| ")) {
      on_page.push_back(name);
    }
    CHECK(in_code == on_page);
  }
}

TEST_CASE("the examples of each page are configs that load") {
  for (const CatalogueEntry& entry : built_in_checks()) {
    const std::vector<std::string> blocks = yaml_blocks(section(entry.page, "Example"));
    INFO(entry.info->id);
    CHECK_FALSE(blocks.empty());
    for (const std::string& block : blocks) {
      std::string config = "version: 1\ntarget: example\n" + block;
      if (!config.contains("\nmodels:")) {
        config += "models: {sign: {path: models/sign.pth}}\n";
      }
      const test::TemporaryFolder folder;
      const auto plan =
          load_config({.config = folder.write("runup.yaml", config), .catalogue = built_in_checks()});
      INFO(config);
      INFO(test::errors_text(plan));
      CHECK(plan.has_value());
    }
  }
}

TEST_CASE("each finding is produced by some test of its check") {
  for (const CatalogueEntry& entry : built_in_checks()) {
    const std::string test = content_of(kSource / "checks" / entry.info->id / "check_test.cpp");
    for (const FindingInfo& finding : entry.info->findings) {
      INFO(entry.info->id << "/" << finding.id);
      // Asserted as an id of its own, not as a part of a test's name.
      CHECK(test.contains("\"" + std::string(finding.id) + "\""));
    }
  }
}
