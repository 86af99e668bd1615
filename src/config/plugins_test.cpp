// SPDX-License-Identifier: Apache-2.0
// Plugins in a config: who is asked, when, and what their answers mean for `checks:`.

#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "config/test_checks.h"

namespace runup {
namespace {

using test::errors_text;
using test::load_text;
using test::TemporaryFolder;

constexpr const char* kHead = "version: 1\ntarget: x\nmodels: {m: {path: a}}\n";

PluginInfo line_count() {
  TypeInfo most = type_info<int>();
  most.rule.min = 0;
  return {.id = "line-count",
          .summary = "few lines",
          .options = {{.name = "most", .help = "lines", .required = false, .type = most, .fallback = 100}}};
}

TEST_CASE("a plugin is a check with validated options") {
  const TemporaryFolder folder;
  std::vector<std::string> asked;
  const LoadRequest request{.describe_plugin = [&](const std::string& path) -> Result<PluginInfo> {
    asked.push_back(path);
    return line_count();
  }};
  const auto plan = load_text(
      folder,
      std::string(kHead) +
          "plugins: [tools/line_count.py]\nchecks: {line-count: {most: 5, severity: {too-many: warning}}}\n",
      request);
  INFO(errors_text(plan));
  REQUIRE(plan);
  CHECK(asked == std::vector<std::string>{folder.path() + "/tools/line_count.py"});
  const PlannedCheck& check = plan->models[0].checks.back();
  CHECK(check.id == "line-count");
  CHECK(check.plugin.value_or(PluginInfo{}).path == folder.path() + "/tools/line_count.py");
  CHECK(check.options == Json{{"most", 5}});
  CHECK(check.severity == SeverityOverrides{{"too-many", Severity::warning}});
  CHECK(plan->resolved["plugins"][0] == folder.path() + "/tools/line_count.py");

  const auto bad = load_text(
      folder,
      std::string(kHead) + "plugins: [a]\nchecks: {line-count: {moost: 5}, line-cuont: {}, inference: {}}\n",
      request);
  CHECK(errors_text(bad) ==
        "runup.yaml:5:23: unknown key `moost`; did you mean `most`?\n"
        "runup.yaml:5:34: unknown key `line-cuont`; did you mean `line-count`?\n");
}

TEST_CASE("plugins of the plugin folder take part, each once") {
  const TemporaryFolder folder;
  int asked = 0;
  LoadRequest request{.plugins = {"/plugins/a"},
                      .describe_plugin = [&](const std::string&) -> Result<PluginInfo> {
                        ++asked;
                        return line_count();
                      }};
  const auto plan = load_text(folder, std::string(kHead) + "plugins: [/plugins/a]\n", request);
  REQUIRE(plan);
  CHECK(asked == 1);
  CHECK(plan->models[0].checks.size() == 4);
  CHECK(plan->models[0].checks.back().options == Json{{"most", 100}});
}

TEST_CASE("no plugin runs for a config with mistakes") {
  const TemporaryFolder folder;
  int asked = 0;
  const LoadRequest request{.describe_plugin = [&](const std::string&) -> Result<PluginInfo> {
    ++asked;
    return line_count();
  }};
  const auto loaded = load_text(folder, std::string(kHead) + "plugins: [a]\npackge: x\n", request);
  CHECK(errors_text(loaded) == "runup.yaml:5:1: unknown key `packge`; did you mean `package`?\n");
  CHECK(asked == 0);
}

TEST_CASE("a plugin that cannot be asked is planned as a check that cannot run") {
  const TemporaryFolder folder;
  const LoadRequest request{.describe_plugin = [](const std::string&) -> Result<PluginInfo> {
    return fail(ErrorCode::not_found, "no such file");
  }};
  const auto plan = load_text(
      folder, std::string(kHead) + "plugins: [tools/line-count.py]\nchecks: {line-count: {most: 5}}\n",
      request);
  INFO(errors_text(plan));
  REQUIRE(plan);
  const PlannedCheck& check = plan->models[0].checks.back();
  CHECK(check.id == "line-count");
  CHECK_FALSE(check.plugin);
  CHECK(check.built_in == nullptr);
  CHECK(check.cannot_run ==
        "the plugin `" + folder.path() + "/tools/line-count.py` cannot be asked what it is: no such file");
  const auto without = load_text(folder, std::string(kHead) + "plugins: [b]\n");
  REQUIRE(without);
  CHECK_FALSE(without->models[0].checks.back().cannot_run.empty());
}

TEST_CASE("a plugin must have an id of its own and its own option names") {
  const TemporaryFolder folder;
  const auto error_of = [&](PluginInfo info, const char* plugins) {
    return errors_text(
        load_text(folder, std::string(kHead) + "plugins: " + plugins + "\n",
                  {.describe_plugin = [&](const std::string&) -> Result<PluginInfo> { return info; }}));
  };
  const std::string named = "runup.yaml:4:11: the plugin `" + folder.path() + "/a` ";
  CHECK(error_of({.id = "inference"}, "[a]") ==
        named + "calls itself `inference`, which is a built-in check; expected an id of its own\n");
  CHECK(error_of({.id = "../x"}, "[a]") ==
        named + "calls itself `../x`; expected an id of lower-case letters, digits and `-`\n");
  CHECK(error_of({.id = ""}, "[a]") ==
        named + "calls itself ``; expected an id of lower-case letters, digits and `-`\n");
  CHECK(error_of({.id = "z"}, "[b, a]") == "runup.yaml:4:14: the plugin `" + folder.path() +
                                               "/a` calls itself `z`, as does `" + folder.path() +
                                               "/b`; expected an id of its own\n");
  CHECK(error_of({.id = "z", .options = {{.name = "severity"}}}, "[a]") ==
        named + "has an option `severity`, which every check has already; expected another name\n");
}

}  // namespace
}  // namespace runup
