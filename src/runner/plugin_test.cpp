// SPDX-License-Identifier: Apache-2.0
#include "runner/plugin.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <catch2/catch_test_macros.hpp>

#include "golden.h"

namespace runup {
namespace {

std::string description_error(const std::string& text) {
  const auto info = read_plugin_description("/p", text);
  return info ? "" : info.error().describe();
}

std::string answer_error(const std::string& text) {
  const auto judgement = read_plugin_answer(text);
  return judgement ? "" : judgement.error().describe();
}

constexpr const char* kWhole = R"({
  "protocol": 1, "id": "file-age", "summary": "not too old", "needs": ["package", "runtime"], "later": 1,
  "options": {"max_age": {"type": "duration", "default": 86400, "help": "oldest"},
              "ratio": {"type": "number", "min": 0, "max": 1},
              "names": {"type": "list", "item": {"type": "text"}, "default": ["a"]}},
  "page": "# file-age"})";

TEST_CASE("plugin: a description") {
  const auto info = read_plugin_description("/plugins/file-age", kWhole);
  REQUIRE(info);
  CHECK(info->path == "/plugins/file-age");
  CHECK(info->id == "file-age");
  CHECK(info->summary == "not too old");
  CHECK(info->needs.package);
  CHECK_FALSE(info->needs.artifact);
  CHECK(info->needs.runtime);
  REQUIRE(info->options.size() == 3);
  CHECK(info->options[0].name == "max_age");
  CHECK(info->options[0].type.kind == TypeKind::duration);
  CHECK(info->options[0].fallback == 86400);
  CHECK(info->options[1].type.rule.max == 1);
  CHECK(info->page == "# file-age");
  const auto least = read_plugin_description("/p", R"({"protocol":1,"id":"a","summary":"s"})");
  REQUIRE(least);
  CHECK(least->options.empty());
}

TEST_CASE("plugin: descriptions that are none") {
  const auto with = [](const char* member) {
    return description_error(std::string(R"({"protocol":1,"id":"a","summary":"s",)") + member + "}");
  };
  CHECK(description_error("").contains("printed no description"));
  CHECK(description_error("[]").contains("expected an object"));
  CHECK(description_error(R"({"id":"a","summary":"s"})").contains("`protocol` is missing"));
  CHECK(description_error(R"({"protocol":2,"id":"a","summary":"s"})") ==
        "it speaks protocol 2; this version of runup speaks 1");
  CHECK(description_error(R"({"protocol":1,"id":"A b","summary":"s"})").contains("calls itself `A b`"));
  CHECK(description_error(R"({"protocol":1,"id":"a-","summary":"s"})").contains("calls itself `a-`"));
  CHECK(description_error(R"({"protocol":1,"id":"-a","summary":"s"})").contains("calls itself `-a`"));
  CHECK(description_error(R"({"protocol":1,"id":"a","summary":""})").contains("`summary` has 0 bytes"));
  CHECK(description_error(R"({"protocol":1,"id":"a","summary":"s\nt"})").contains("several lines"));
  CHECK(with(R"("needs":["everything"])").contains("in `needs`"));
  CHECK(with(R"("options":[])").contains("in `options`"));
  CHECK(with(R"("options":{"a":{"type":"integr"}})").contains("in option `a`"));
  CHECK(with(R"("options":{"a":{"type":"integer","default":"x"}})") ==
        "the default of option `a` is `\"x\"`; expected an integer");
  CHECK(with(R"("options":{"a":{"type":"integer","max":5,"default":6}})").contains("default of option `a`"));
  CHECK(with(R"("options":{"a":{"type":"choice","choices":["b"],"default":"c"}})").contains("one of `b`"));
  CHECK(description_error(std::string(300'000, ' ') + kWhole).contains("at most"));
}

TEST_CASE("plugin: answers") {
  const auto passed = read_plugin_answer(
      R"({"outcome":"passed","evidence":[{"name":"age","value":"3 days"}],
          "findings":[{"id":"nearly-old","severity":"warning","message":"m"}]})");
  REQUIRE(passed);
  CHECK(settle(*passed, {}, false).status == Status::passed);
  CHECK(settle(*passed, {}, true).status == Status::failed);

  const auto failed = read_plugin_answer(
      R"({"outcome":"failed","findings":[{"id":"too-old","message":"m","where":{"file":"f","line":3},"fix":"x",
          "evidence":[{"name":"n","value":"v"}]}]})");
  REQUIRE(failed);
  CHECK(settle(*failed, {}, false).status == Status::failed);
  CHECK(failed->findings[0].where.line == 3);
  // a lower severity leaves a failed check that looked at nothing
  CHECK(settle(*failed, {{"too-old", Severity::note}}, false).status == Status::undecided);

  const auto skipped = read_plugin_answer(R"({"outcome":"skipped","reason":"no labels"})");
  REQUIRE(skipped);
  CHECK(settle(*skipped, {}, false).status == Status::skipped);
  CHECK(settle(*skipped, {}, false).reason == "no labels");

  const auto undecided = read_plugin_answer(
      R"({"outcome":"undecided","reason":"no file","evidence":[{"name":"a","value":"b"}]})");
  REQUIRE(undecided);
  CHECK(settle(*undecided, {}, false).status == Status::undecided);

  // a pass that looked at nothing is none
  const auto empty = read_plugin_answer(R"({"outcome":"passed"})");
  REQUIRE(empty);
  CHECK(settle(*empty, {}, false).status == Status::undecided);
}

TEST_CASE("plugin: answers that are none") {
  CHECK(answer_error("").contains("not valid json"));
  CHECK(answer_error("passed").contains("not valid json"));
  CHECK(answer_error("{}").contains("`outcome` is missing"));
  CHECK(answer_error(R"({"outcome":"green"})").contains("in `outcome`"));
  CHECK(answer_error(R"({"outcome":"failed"})").contains("without a finding of severity `error`"));
  CHECK(answer_error(R"({"outcome":"failed","findings":[{"id":"a","severity":"note","message":"m"}]})")
            .contains("without a finding of severity `error`"));
  CHECK(answer_error(R"({"outcome":"passed","findings":[{"id":"a","message":"m"}]})")
            .contains("`passed` with a finding"));
  CHECK(answer_error(R"({"outcome":"skipped"})").contains("without a reason"));
  CHECK(answer_error(R"({"outcome":"undecided"})").contains("without a reason"));
  CHECK(answer_error(R"({"outcome":"failed","findings":[{"id":"A b","message":"m"}]})")
            .contains("calls itself `A b`"));
  CHECK(answer_error(R"({"outcome":"failed","findings":[{"id":"a","message":""}]})")
            .contains("has no message"));
  CHECK(answer_error(R"({"outcome":"failed","findings":[{"message":"m"}]})").contains("`id` is missing"));
  CHECK(answer_error(R"({"outcome":"failed","findings":[{"id":"a","message":")" + std::string(20'000, 'x') +
                     "\"}]}")
            .contains("more than 10000 bytes"));
  CHECK(answer_error(R"({"outcome":"passed","evidence":[{"value":"v"}]})").contains("evidence has no name"));
  std::string many = R"({"outcome":"passed","evidence":[)";
  for (int i = 0; i < 1001; ++i) {
    many += std::string(i == 0 ? "" : ",") + R"({"name":"n","value":"v"})";
  }
  CHECK(answer_error(many + "]}").contains("at most 1000"));
  CHECK(answer_error("{\"outcome\":\"passed\",\"reason\":\"\xFF\"}").contains("not valid json"));
}

TEST_CASE("plugin: folders") {
  std::string pattern = (std::filesystem::temp_directory_path() / "runup-plugins.XXXXXX").string();
  const std::string folder = ::mkdtemp(pattern.data());
  for (const char* name : {"b", "a", ".hidden", "old~", "not-executable"}) {
    std::ofstream(folder + "/" + name) << "#!/bin/sh\n";
    std::filesystem::permissions(folder + "/" + name, std::filesystem::perms(0755));
  }
  std::filesystem::permissions(folder + "/not-executable", std::filesystem::perms(0644));
  std::filesystem::create_directory(folder + "/folder");
  ::setenv("RUNUP_PLUGIN_DIR", (folder + ":/nonexistent::").c_str(), 1);
  CHECK(plugins_of_folders() == std::vector<std::string>{folder + "/a", folder + "/b"});
  ::setenv("RUNUP_PLUGIN_DIR", "", 1);
  CHECK(plugins_of_folders().empty());
  ::unsetenv("RUNUP_PLUGIN_DIR");
  ::setenv("XDG_DATA_HOME", folder.c_str(), 1);
  std::filesystem::create_directories(folder + "/runup/plugins");
  std::filesystem::copy(folder + "/a", folder + "/runup/plugins/mine");
  const auto found = plugins_of_folders();
  ::unsetenv("XDG_DATA_HOME");
  REQUIRE_FALSE(found.empty());
  CHECK(found.front() == folder + "/runup/plugins/mine");
  std::filesystem::remove_all(folder);
}

TEST_CASE("golden: schemas of the plugin protocol") {
  testing::check_golden("docs/plugin-describe.schema.json", dump_json(plugin_describe_schema(), 2) + "\n");
  testing::check_golden("docs/plugin-request.schema.json", dump_json(plugin_request_schema(), 2) + "\n");
  testing::check_golden("docs/plugin-answer.schema.json", dump_json(plugin_answer_schema(), 2) + "\n");
}

}  // namespace
}  // namespace runup
