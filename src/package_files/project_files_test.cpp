// SPDX-License-Identifier: Apache-2.0
#include "package_files/project_files.h"

#include <algorithm>

#include <catch2/catch_test_macros.hpp>

#include "package_files/lock_files.h"
#include "package_files/toml_tree.h"

using namespace runup;

namespace {

const RequirementFacts& named(const RequirementsFacts& facts, std::string_view name) {
  const auto found = std::ranges::find(facts.requirements, name, &RequirementFacts::name);
  INFO(name);
  REQUIRE(found != facts.requirements.end());
  return *found;
}

const LockedFacts& named(const LockFileFacts& facts, std::string_view name) {
  const auto found = std::ranges::find(facts.packages, name, &LockedFacts::name);
  INFO(name);
  REQUIRE(found != facts.packages.end());
  return *found;
}

}  // namespace

TEST_CASE("pyproject.toml: PEP 621, groups, uv") {
  const RequirementsFacts facts = read_pyproject(R"(
[project]
name = "service"
requires-python = ">=3.10"
dependencies = [
  "torch==2.6.0",
  "numpy<2",
]
[project.optional-dependencies]
serve = ["uvicorn[standard]>=0.30"]
[dependency-groups]
test = ["pytest", {include-group = "serve"}]
[[tool.uv.index]]
name = "pytorch-cpu"
url = "https://download.pytorch.org/whl/cpu"
explicit = true
[tool.uv.sources]
torch = { index = "pytorch-cpu" }
numpy = { git = "https://example.org/numpy", tag = "v1" }
)",
                                                 "pyproject.toml");
  CHECK(facts.problems.empty());
  CHECK(facts.python == ">=3.10");
  REQUIRE(facts.requirements.size() == 4);
  CHECK(named(facts, "torch").pinned == "2.6.0");
  CHECK(named(facts, "torch").torch_build == "cpu");
  CHECK(named(facts, "torch").line == 6);
  CHECK(named(facts, "numpy").url == "git+https://example.org/numpy@v1");
  CHECK(named(facts, "uvicorn").group == "serve");
  CHECK(named(facts, "pytest").group == "test");
  REQUIRE(facts.indexes.size() == 1);
  CHECK(facts.indexes[0].kind == IndexKind::extra_index);
}

TEST_CASE("pyproject.toml: Poetry") {
  const RequirementsFacts facts = read_pyproject(R"(
[[tool.poetry.source]]
name = "torch-cu"
url = "https://download.pytorch.org/whl/cu121"
priority = "explicit"
[tool.poetry.dependencies]
python = "^3.10"
torch = { version = "2.1.0", source = "torch-cu" }
scikit-learn = "~1.4"
numpy = [{ version = "<2", markers = "python_version < '3.12'" }, { version = ">=2", markers = "python_version >= '3.12'" }]
net = { path = "../net", develop = true }
odd = "^1 || ^2"
[tool.poetry.group.dev.dependencies]
pytest = "*"
)",
                                                 "pyproject.toml");
  CHECK(facts.python == ">=3.10,<4");
  CHECK(named(facts, "torch").pinned == "2.1.0");
  CHECK(named(facts, "torch").torch_build == "cu121");
  CHECK(named(facts, "scikit-learn").specifiers == ">=1.4,<1.5");
  CHECK(named(facts, "numpy").marker == "python_version < '3.12'");
  CHECK(std::ranges::count(facts.requirements, "numpy", &RequirementFacts::name) == 2);
  CHECK(named(facts, "net").editable);
  CHECK(named(facts, "net").url == "../net");
  CHECK(named(facts, "pytest").group == "dev");
  REQUIRE(facts.problems.size() == 1);
  CHECK(facts.problems[0].line == 12);
}

TEST_CASE("Poetry's ranges, from its documentation") {
  const auto is = [](std::string_view text, std::string_view wanted) {
    const auto found = poetry_specifiers(text);
    INFO(text);
    REQUIRE(found);
    CHECK(*found == wanted);
  };
  is("^1.2.3", ">=1.2.3,<2");
  is("^1.2", ">=1.2,<2");
  is("^1", ">=1,<2");
  is("^0.2.3", ">=0.2.3,<0.3");
  is("^0.0.3", ">=0.0.3,<0.0.4");
  is("^0.0", ">=0.0,<0.1");
  is("^0", ">=0,<1");
  is("~1.2.3", ">=1.2.3,<1.3");
  is("~1.2", ">=1.2,<1.3");
  is("~1", ">=1,<2");
  is("*", "");
  is("1.*", "==1.*");
  is(">= 1.2, < 1.5", ">=1.2,<1.5");
  is(">=1.2 <1.5", ">=1.2,<1.5");
  is("==1.2.3", "==1.2.3");
  is("1.2.3", "==1.2.3");
  CHECK_FALSE(poetry_specifiers("latest"));
  CHECK_FALSE(poetry_specifiers("^1 || ^2"));
}

TEST_CASE("setup.cfg and what setuptools reads") {
  const RequirementsFacts facts = read_setup_cfg(
      "[metadata]\nname = x\n[options]\npython_requires = >=3.9\ninstall_requires =\n    torch>=2\n    # "
      "no\n    numpy\n"
      "[options.extras_require]\ngpu = onnxruntime-gpu\n",
      "setup.cfg");
  CHECK(facts.problems.empty());
  CHECK(facts.python == ">=3.9");
  CHECK(named(facts, "torch").line == 6);
  CHECK(named(facts, "numpy").group.empty());
  CHECK(named(facts, "onnxruntime-gpu").group == "gpu");
  const RequirementsFacts dynamic = read_pyproject(
      "[tool.setuptools.dynamic]\ndependencies = {file = [\"requirements.txt\"]}\n", "pyproject.toml");
  REQUIRE(dynamic.includes.size() == 1);
  CHECK(dynamic.includes[0].path == "requirements.txt");
}

TEST_CASE("conda environment.yml") {
  const RequirementsFacts facts = read_conda_environment(R"(
name: x
channels:
  - pytorch
dependencies:
  - python=3.11
  - pytorch=2.5.1=py3.11_cuda12.4_cudnn9.1.0_0
  - conda-forge::numpy>=1.26,<2
  - scipy 1.13.*
  - pillow==10.2.0
  - pip
  - pip:
      - onnxruntime==1.20.1
      - -r requirements.txt
  - odd=1.2|1.4
)",
                                                         "environment.yml");
  CHECK(facts.python == "==3.11.*");
  CHECK(named(facts, "pytorch").source == PackageSource::conda);
  CHECK(named(facts, "pytorch").specifiers == "==2.5.1.*");
  CHECK(named(facts, "pytorch").torch_build == "cu124");
  CHECK(named(facts, "numpy").specifiers == ">=1.26,<2");
  CHECK(named(facts, "scipy").specifiers == "==1.13.*");
  CHECK(named(facts, "pillow").pinned == "10.2.0");
  CHECK(named(facts, "onnxruntime").source == PackageSource::pypi);
  CHECK(named(facts, "onnxruntime").line == 13);
  REQUIRE(facts.includes.size() == 1);
  CHECK(facts.indexes[0].url == "pytorch");
  REQUIRE(facts.problems.size() == 1);
  CHECK(facts.problems[0].line == 15);
}

TEST_CASE("lock files: uv and PEP 751") {
  const LockFileFacts uv = read_lock_file(LockFileKind::uv, R"(
version = 1
requires-python = ">=3.11"
[[package]]
name = "service"
version = "0.1.0"
source = { virtual = "." }
[[package]]
name = "torch"
version = "2.6.0+cu124"
source = { registry = "https://download.pytorch.org/whl/cu124" }
resolution-markers = ["sys_platform == 'linux'", "os_name == 'nt'"]
[[package]]
name = "numpy"
version = "1.26.4"
source = { registry = "https://pypi.org/simple" }
[[package]]
name = "net"
version = "1.0"
source = { git = "https://example.org/net?tag=v1#abc" }
)",
                                          "uv.lock");
  CHECK(uv.python == ">=3.11");
  CHECK(named(uv, "service").own);
  CHECK(named(uv, "torch").torch_build == "cu124");
  CHECK(named(uv, "torch").marker == "(sys_platform == 'linux') or (os_name == 'nt')");
  CHECK(named(uv, "torch").line == 8);
  CHECK(named(uv, "numpy").url.empty());
  CHECK(named(uv, "net").url == "git+https://example.org/net@abc");
  const LockFileFacts pylock =
      read_lock_file(LockFileKind::pylock,
                     "lock-version = '1.0'\n[[packages]]\nname = 'torch'\nversion = '2.6.0'\n"
                     "index = 'https://download.pytorch.org/whl/cpu'\n",
                     "pylock.toml");
  CHECK(named(pylock, "torch").torch_build == "cpu");
}

TEST_CASE("lock files: Poetry, pdm, Pipfile") {
  const LockFileFacts poetry = read_lock_file(LockFileKind::poetry, R"(
[[package]]
name = "Torch"
version = "2.1.0+cu121"
groups = ["main"]
markers = "sys_platform == 'linux'"
[package.source]
type = "legacy"
url = "https://download.pytorch.org/whl/cu121"
reference = "torch-cu"
[[package]]
name = "old"
version = "1"
category = "dev"
[metadata]
python-versions = "^3.10"
)",
                                              "poetry.lock");
  CHECK(poetry.python == ">=3.10,<4");
  CHECK(named(poetry, "torch").version == "2.1.0+cu121");
  CHECK(named(poetry, "torch").groups == std::vector<std::string>{"main"});
  CHECK(named(poetry, "torch").marker == "sys_platform == 'linux'");
  CHECK(named(poetry, "old").groups == std::vector<std::string>{"dev"});
  const LockFileFacts pdm = read_lock_file(LockFileKind::pdm,
                                           "[metadata]\nrequires_python = '>=3.9'\n[[package]]\nname = "
                                           "'numpy'\nversion = '1.26.4'\ngroups = ['default']\n",
                                           "pdm.lock");
  CHECK(pdm.python == ">=3.9");
  CHECK(named(pdm, "numpy").version == "1.26.4");
  const LockFileFacts pipfile = read_lock_file(LockFileKind::pipfile, R"({
    "_meta": {"requires": {"python_version": "3.11"}},
    "default": {
        "torch": {
            "index": "pypi",
            "version": "==2.6.0"
        },
        "net": {
            "git": "https://example.org/net",
            "ref": "abc"
        }
    },
    "develop": {"pytest": {"version": "==8.0"}}
})",
                                               "Pipfile.lock");
  CHECK(pipfile.python == "==3.11.*");
  CHECK(named(pipfile, "torch").version == "2.6.0");
  CHECK(named(pipfile, "torch").line == 4);
  CHECK(named(pipfile, "net").url == "git+https://example.org/net@abc");
  CHECK(named(pipfile, "pytest").groups == std::vector<std::string>{"develop"});
  CHECK(lock_file_kind("pylock.gpu.toml") == LockFileKind::pylock);
  CHECK_FALSE(lock_file_kind("Cargo.lock"));
}

TEST_CASE("TOML: broken and hostile files are one problem") {
  CHECK(read_pyproject("[project\n", "pyproject.toml").problems.size() == 1);
  CHECK(read_lock_file(LockFileKind::uv, "a = ", "uv.lock").problems.size() == 1);
  CHECK(read_lock_file(LockFileKind::pipfile, "[]", "Pipfile.lock").problems.size() == 1);
  CHECK(read_lock_file(LockFileKind::pipfile, "{", "Pipfile.lock").problems.size() == 1);
  CHECK_FALSE(parse_toml("\xFF = 1"));
  // what toml++ 3.4 takes for unreachable, and an assertion of it
  CHECK(parse_toml("a = \"\"\"\\\n  \u00e9\"\"\"\n")->text_at("a") == "\u00e9");
  CHECK_FALSE(parse_toml("ve\u00a7i"));
  CHECK_FALSE(parse_toml("[!"));
  std::string dotted = "a";
  for (int i = 0; i < 400'000; ++i) {
    dotted += ".a";
  }
  CHECK_FALSE(parse_toml(dotted + " = 1"));
  CHECK_FALSE(parse_toml("[" + dotted + "]"));
  CHECK_FALSE(parse_toml("b = {" + dotted + " = 1}"));
  CHECK_FALSE(parse_toml("a = " + std::string(100'000, '[')));
  CHECK_FALSE(parse_toml(std::string(kMaxTomlBytes + 1, '\n')));
  // dots that are in no key
  CHECK(parse_toml("a = \"" + std::string(1000, '.') + "\"\n# " + std::string(1000, '.') + "\nb = '''\n" +
                   std::string(1000, '.') + "\n'''\n"));
  std::string nested;
  for (int i = 0; i < 60; ++i) {
    nested += "{a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t = ";
  }
  (void)parse_toml("x = " + nested + "1" + std::string(60, '}'));
}
