// SPDX-License-Identifier: Apache-2.0
// The bulk is compared with git and moby in tests/package_files; these are the rules one by one.

#include "package_files/ignore.h"

#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "base/duration.h"

using namespace runup;

namespace {

bool docker_leaves_out(const std::string& text, std::string_view path) {
  return IgnoreRules::docker(text).excludes(path, false).has_value();
}

IgnoreRules git(const std::string& text) {
  const std::vector<IgnoreFile> files{{.name = ".gitignore", .text = text}};
  return IgnoreRules::git(files);
}

bool git_leaves_out(const std::string& text, std::string_view path) {
  return git(text).excludes(path, false).has_value();
}

}  // namespace

TEST_CASE(".dockerignore: what Docker's documentation shows") {
  const std::string text = "# comment\n*/temp*\n*/*/temp*\ntemp?\n";
  CHECK(docker_leaves_out(text, "somedir/temporary.txt"));
  CHECK(docker_leaves_out(text, "somedir/temp"));
  CHECK(docker_leaves_out(text, "somedir/subdir/temporary.txt"));
  CHECK(docker_leaves_out(text, "tempa"));
  CHECK_FALSE(docker_leaves_out(text, "temp"));
  CHECK(docker_leaves_out("**/*.go", "a/b/c.go"));
  CHECK(docker_leaves_out("**/*.go", "c.go"));
  const std::string exceptions = "*.md\n!README*.md\nREADME-secret.md\n";
  CHECK(docker_leaves_out(exceptions, "CHANGES.md"));
  CHECK_FALSE(docker_leaves_out(exceptions, "README.md"));
  CHECK(docker_leaves_out(exceptions, "README-secret.md"));
}

TEST_CASE(".dockerignore: weights that are left out and brought back") {
  CHECK(docker_leaves_out("*.pth", "x.pth"));
  CHECK_FALSE(docker_leaves_out("*.pth", "models/x.pth"));
  CHECK(docker_leaves_out("/models/", "models/x.pth"));
  CHECK_FALSE(docker_leaves_out("models\n!models/x.pth", "models/x.pth"));
  CHECK(docker_leaves_out("models\n!models/x.pth", "models/y.pth"));
  CHECK_FALSE(docker_leaves_out("*\n!models\n!app", "models/deep/x.pth"));
  // `models` is not left out when it is looked at, so that its exception counts for nothing below it.
  CHECK(docker_leaves_out("**/*.pth\n!models", "models/x.pth"));
  CHECK_FALSE(docker_leaves_out("**/*.pth\n!models/*", "models/x.pth"));
}

TEST_CASE(".dockerignore: the rule is named, and what Docker refuses is told") {
  const IgnoreRules rules =
      IgnoreRules::docker("\xEF\xBB\xBF# no\n\n  ./data/../*.pth  \n! x.pth\n[a\n!\ndata\\models\n");
  const auto out = rules.deciding_rule("y.pth", false);
  REQUIRE(out);
  CHECK(*out == IgnoreMatch{.file = ".dockerignore", .line = 3, .pattern = "./data/../*.pth"});
  const auto kept = rules.deciding_rule("x.pth", false);
  REQUIRE(kept);
  CHECK(*kept == IgnoreMatch{.file = ".dockerignore", .line = 4, .pattern = "! x.pth", .negated = true});
  CHECK_FALSE(rules.deciding_rule("main.py", false));
  REQUIRE(rules.problems().size() == 3);
  CHECK(rules.problems()[0].line == 5);
  CHECK(rules.problems()[0].message ==
        "a `[` in a pattern whose set is never closed; expected such as `[a-z]`");
  CHECK(rules.problems()[1].message == "a `!` alone; expected a pattern behind it");
  CHECK(rules.problems()[2].message ==
        "a `\\` before a letter or digit in a pattern; expected `/` between folders");
}

TEST_CASE(".gitignore: a name anywhere, a path from the file's folder") {
  CHECK(git_leaves_out("*.pth", "models/deep/x.pth"));
  CHECK(git_leaves_out("models", "a/models/x.pth"));
  CHECK_FALSE(git_leaves_out("/models", "a/models/x.pth"));
  CHECK_FALSE(git_leaves_out("a/models", "b/a/models"));
  CHECK(git_leaves_out("a/models", "a/models/x.pth"));
  CHECK(git_leaves_out("**/a/models", "b/a/models"));
  CHECK_FALSE(git_leaves_out("models/", "models"));
  CHECK(git("models/").excludes("models", true));
  CHECK(git_leaves_out("models/", "models/x.pth"));
  CHECK(git_leaves_out("a/**/x.pth", "a/x.pth"));
  CHECK_FALSE(git_leaves_out("*.pth \t", "x.pth"));
  CHECK(git_leaves_out("*.pth  ", "x.pth"));
  CHECK(git_leaves_out("x\\ ", "x "));
  CHECK(git_leaves_out("\\!x", "!x"));
  CHECK(git_leaves_out("\\#x", "#x"));
}

TEST_CASE(".gitignore: nothing comes back below a folder that is left out") {
  CHECK_FALSE(git_leaves_out("*.pth\n!models/x.pth", "models/x.pth"));
  CHECK(git_leaves_out("models\n!models/x.pth", "models/x.pth"));
  CHECK_FALSE(git_leaves_out("models/*\n!models/x.pth", "models/x.pth"));
}

TEST_CASE(".gitignore: a deeper file has more to say") {
  const std::vector<IgnoreFile> files{{.folder = "models", .name = "models/.gitignore", .text = "!x.pth\n"},
                                      {.name = ".gitignore", .text = "*.pth\n"}};
  const IgnoreRules rules = IgnoreRules::git(files);
  const auto kept = rules.deciding_rule("models/x.pth", false);
  REQUIRE(kept);
  CHECK(*kept == IgnoreMatch{.file = "models/.gitignore", .line = 1, .pattern = "!x.pth", .negated = true});
  CHECK(rules.excludes("x.pth", false));
  CHECK(rules.excludes("models/y.pth", false));
}

TEST_CASE(".gitattributes: what Git LFS stores") {
  const std::vector<IgnoreFile> files{
      {.name = ".gitattributes",
       .text = "[attr]model filter=lfs -text\n*.pth filter=lfs diff=lfs merge=lfs -text\n*.onnx model\n"
               "\"a b.bin\" filter=lfs\nmodels/** filter=lfs\n"},
      {.folder = "small", .name = "small/.gitattributes", .text = "*.pth -filter\n"}};
  const LfsRules rules = LfsRules::git_attributes(files);
  REQUIRE(rules.stores("models/x.pth"));
  CHECK(rules.stores("deep/x.pth")->pattern == "*.pth");
  CHECK(rules.stores("deep/x.pth")->line == 2);
  CHECK(rules.stores("x.onnx"));
  CHECK(rules.stores("a b.bin"));
  CHECK(rules.stores("models/a/b"));
  CHECK_FALSE(rules.stores("small/x.pth"));
  CHECK_FALSE(rules.stores("main.py"));
}

TEST_CASE("ignore files: no pattern takes long") {
  std::string stars;
  for (int i = 0; i < 250; ++i) {
    stars += "*a**";
  }
  std::string text;
  while (text.size() + stars.size() + 10 < kMaxIgnoreBytes) {
    text += stars + "/**/b\n";
  }
  std::string path;
  for (int i = 0; i < 200; ++i) {
    path += "aaaaaaaaaaaaaaaaaaa/";
  }
  path += "a";
  const Duration start = steady_now();
  CHECK_FALSE(docker_leaves_out(text, path));
  CHECK_FALSE(git_leaves_out(text, path));
  CHECK((steady_now() - start).seconds() < 60);
  // too long for any file system
  CHECK_FALSE(git_leaves_out("*", std::string(5000, 'a')));
  CHECK(IgnoreRules::docker(std::string(kMaxIgnoreBytes + 1, '\n')).problems().size() == 1);
}
