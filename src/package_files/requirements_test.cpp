// SPDX-License-Identifier: Apache-2.0
// Versions, bounds, markers and PEP 508 are compared with Python's packaging in tests/package_files; here
// is what pip's files add.

#include "package_files/requirements.h"

#include <catch2/catch_test_macros.hpp>

#include "facts/marker.h"
#include "facts/version.h"

using namespace runup;

namespace {

RequirementFacts one(std::string_view text) {
  const auto facts = parse_requirement(text);
  INFO(text);
  REQUIRE(facts);
  return *facts;
}

RequirementsFacts file(std::string_view text) { return read_requirements(text, "requirements.txt"); }

}  // namespace

TEST_CASE("requirements: name, extras, bounds, marker") {
  const RequirementFacts facts = one("Torch_Vision [Extra_B, a] >= 0.21, <0.22 ; python_version < '3.13'");
  CHECK(facts.name == "torch-vision");
  CHECK(facts.extras == std::vector<std::string>{"a", "extra-b"});
  CHECK(facts.specifiers == ">=0.21,<0.22");
  CHECK(facts.pinned.empty());
  CHECK(facts.marker == "python_version < '3.13'");
  CHECK(one("numpy").specifiers.empty());
  CHECK(one("numpy==1.26.*").pinned.empty());
  CHECK(one("numpy==v1.26.4").pinned == "1.26.4");
  CHECK(one("a===1.0-custom").pinned == "1.0-custom");
  for (const char* bad :
       {"", "-x", "torch=2.6", "torch=>2", "torch 2.6", "torch==", "torch[a", "x; python > 3", "x @ "}) {
    INFO(bad);
    CHECK_FALSE(parse_requirement(bad));
  }
}

TEST_CASE("requirements: the PyTorch build") {
  CHECK(one("torch==2.6.0+cpu").torch_build == "cpu");
  CHECK(one("torch==2.6.0+cu124").torch_build == "cu124");
  CHECK(one("torch==2.6.0").torch_build.empty());
  CHECK(torch_build_of("https://download.pytorch.org/whl/cu118") == "cu118");
  CHECK(torch_build_of("https://download.pytorch.org/whl/nightly/rocm6.2") == "rocm6.2");
  CHECK(torch_build_of("https://download.pytorch.org/whl/torch_stable.html").empty());
  CHECK(torch_build_of("2.4.0+rocm6.1") == "rocm6.1");
  CHECK(torch_build_of("2.4.0+cpu.cxx11.abi") == "cpu");
  CHECK(torch_build_of("cpu").empty());
}

TEST_CASE("requirements: addresses and paths") {
  const RequirementFacts wheel = one(
      "https://download.pytorch.org/whl/cu124/torch-2.6.0%2Bcu124-cp311-cp311-linux_x86_64.whl#sha256=ab");
  CHECK(wheel.name == "torch");
  CHECK(wheel.pinned == "2.6.0+cu124");
  CHECK(wheel.torch_build == "cu124");
  CHECK(wheel.hashes == std::vector<std::string>{"sha256:ab"});
  const RequirementFacts direct =
      one("torch @ https://example.org/cpu/torch-2.6.0-cp311-none-any.whl ; os_name == 'posix'");
  CHECK(direct.name == "torch");
  CHECK(direct.url == "https://example.org/cpu/torch-2.6.0-cp311-none-any.whl");
  CHECK(direct.pinned == "2.6.0");
  CHECK(direct.torch_build == "cpu");
  CHECK(direct.marker == "os_name == 'posix'");
  const RequirementFacts git = one("git+https://example.org/x.git@v1#egg=My_Net[gpu]&subdirectory=y");
  CHECK(git.name == "my-net");
  CHECK(git.extras == std::vector<std::string>{"gpu"});
  CHECK(one("./wheels/a_b-1.0-py3-none-any.whl").name == "a-b");
  CHECK(one("a_b-1.0-py3-none-any.whl").url == "a_b-1.0-py3-none-any.whl");
  CHECK(one(".[serve]").extras == std::vector<std::string>{"serve"});
  CHECK(one(".").url == ".");
  CHECK(one(".").name.empty());
}

TEST_CASE("requirements files: comments, continued lines, options") {
  const RequirementsFacts facts = file(
      "# all\n"
      "--index-url https://download.pytorch.org/whl/cpu --extra-index-url=https://pypi.org/simple\n"
      "torch==2.6.0 \\\n"
      "    --hash=sha256:aa \\\n"
      "    --hash=sha256:bb  # two\n"
      "numpy#1\n"
      "-r base.txt\n"
      "-cconstraints.txt\n"
      "-e ./src[dev]\n"
      "--find-links wheels\n"
      "--no-binary :all:\n"
      "scipy>=1\\\n"
      "  # the comment ends it\n"
      ",<2\n"
      "--no-index\n");
  REQUIRE(facts.indexes.size() == 4);
  CHECK(facts.indexes[0].kind == IndexKind::index);
  CHECK(facts.indexes[0].torch_build == "cpu");
  CHECK(facts.indexes[1].kind == IndexKind::extra_index);
  CHECK(facts.indexes[1].url == "https://pypi.org/simple");
  CHECK(facts.indexes[2].kind == IndexKind::find_links);
  CHECK(facts.indexes[3].kind == IndexKind::no_index);
  REQUIRE(facts.requirements.size() == 3);
  CHECK(facts.requirements[0].pinned == "2.6.0");
  CHECK(facts.requirements[0].written == "torch==2.6.0");
  CHECK(facts.requirements[0].hashes == std::vector<std::string>{"sha256:aa", "sha256:bb"});
  CHECK(facts.requirements[0].line == 3);
  CHECK(facts.requirements[1].editable);
  CHECK(facts.requirements[1].url == "./src");
  CHECK(facts.requirements[2].specifiers == ">=1");
  CHECK(facts.requirements[2].line == 12);
  REQUIRE(facts.includes.size() == 2);
  CHECK(facts.includes[0].path == "base.txt");
  CHECK(facts.includes[1].path == "constraints.txt");
  CHECK(facts.includes[1].constraint);
  REQUIRE(facts.problems.size() == 2);
  CHECK(facts.problems[0].line == 6);
  CHECK(facts.problems[1].line == 14);
}

TEST_CASE("requirements files: PowerShell's UTF-16 and Windows' line ends") {
  std::string wide = "\xFF\xFE";
  for (const char c : std::string("torch==2.6.0\r\nnumpy\r\n")) {
    wide += c;
    wide += '\0';
  }
  const RequirementsFacts facts = file(wide);
  REQUIRE(facts.requirements.size() == 2);
  CHECK(facts.requirements[0].name == "torch");
  CHECK(facts.requirements[1].line == 2);
  CHECK(read_requirements("numpy<2", "c.txt", true).requirements[0].constraint);
}

TEST_CASE("requirements files: size is bounded") {
  CHECK(file(std::string(kMaxRequirementsBytes + 1, '\n')).problems.size() == 1);
  std::string many;
  for (std::size_t i = 0; i < kMaxRequirements + 5; ++i) {
    many += "a\n";
  }
  CHECK(file(many).requirements.size() == kMaxRequirements);
  std::string endless;
  for (int i = 0; i < 100'000; ++i) {
    endless += "aaaaaaaaaa\\\n";
  }
  CHECK(file(endless).problems.size() > 10);
  CHECK_FALSE(is_marker(std::string(4000, '(') + "os_name == 'x'"));
  CHECK_FALSE(Version::parse(std::string(300, '1')));
  CHECK_FALSE(Version::parse("1.1234567890123456789"));
  CHECK_FALSE(
      Specifiers::parse(">=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,"
                        ">=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,"
                        ">=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,"
                        ">=1,>=1,>=1,>=1,>=1"));
}

TEST_CASE("markers: what is not known decides nothing by itself") {
  const MarkerEnvironment linux_host{.platform_machine = "x86_64"};
  CHECK(marker_holds("", linux_host) == true);
  CHECK(marker_holds("sys_platform == 'linux'", linux_host) == true);
  CHECK(marker_holds("python_version < '3.9'", linux_host) == std::nullopt);
  CHECK(marker_holds("python_version < '3.9' and sys_platform == 'win32'", linux_host) == false);
  CHECK(marker_holds("python_version < '3.9' or platform_machine == 'x86_64'", linux_host) == true);
  CHECK(marker_holds("extra == 'gpu'", linux_host) == false);
  CHECK(marker_holds("nonsense", linux_host) == std::nullopt);
  CHECK(marker_holds("python_version >= '3.10'", {.python_full_version = "3.11.4"}) == true);
}
