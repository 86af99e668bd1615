// SPDX-License-Identifier: Apache-2.0
#include "probes/service/python_start.h"

#include <sys/stat.h>

#include <fstream>
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

#include "base/scratch_folder.h"

using namespace runup;

namespace {

using Words = std::vector<std::string>;

std::optional<PythonStart> start_of(const Words& words) { return python_start(words, "", "/app"); }

// A folder with programs in it.
class Programs {
 public:
  Programs() : folder_(*ScratchFolder::make("programs")) {}
  std::string add(const std::string& name, const std::string& text) const {
    const std::string path = folder_.path() + "/" + name;
    std::ofstream(path) << text;
    ::chmod(path.c_str(), 0755);
    return path;
  }
  const std::string& path() const { return folder_.path(); }

 private:
  ScratchFolder folder_;
};

}  // namespace

TEST_CASE("python start: a module and a script, with Python's flags") {
  const auto module =
      start_of({"/usr/bin/python3", "-B", "-X", "utf8", "-Wignore", "-m", "uvicorn", "main:app", "-m"});
  REQUIRE(module);
  CHECK(module->interpreter == "/usr/bin/python3");
  CHECK(module->flags == Words{"-B", "-X", "utf8", "-Wignore"});
  CHECK(module->is_module);
  CHECK(module->name == "uvicorn");
  CHECK(module->words == Words{"main:app", "-m"});
  const auto script = start_of({".venv/bin/python3.13", "main.py", "--port", "80"});
  REQUIRE(script);
  CHECK(script->interpreter == "/app/.venv/bin/python3.13");
  CHECK(!script->is_module);
  CHECK(script->name == "main.py");
  CHECK(script->words == Words{"--port", "80"});
}

TEST_CASE("python start: another program, or Python begun in another way, is none") {
  for (const Words& words :
       {Words{}, Words{"/bin/sh", "-c", "python3 main.py"}, Words{"/usr/bin/python3"},
        Words{"/usr/bin/python3", "-c", "pass"}, Words{"/usr/bin/python3", "-i", "main.py"},
        Words{"/usr/bin/python3", "-"}, Words{"/usr/bin/python3", "-m"},
        Words{"/usr/bin/python3", "--check-hash-based-pycs", "always", "main.py"},
        Words{"/usr/bin/pythonista", "main.py"}, Words{"nowhere-to-be-found", "main.py"}}) {
    CAPTURE(words);
    CHECK(!start_of(words));
  }
}

TEST_CASE("python start: a script says whose it is in its first line") {
  const Programs programs;
  const std::string python = programs.add("python3", "");
  const std::string direct = programs.add("direct", "#!" + python + " -I\nimport sys\n");
  const std::string by_env = programs.add("by-env", "#! /usr/bin/env python3\n");
  programs.add("shell", "#!/bin/sh\nexec python3 main.py\n");
  programs.add("binary", std::string("\x7f"
                                     "ELF",
                                     4));
  programs.add("endless", "#!" + std::string(5000, 'x'));
  const auto start = [&](const Words& words) {
    return python_start(words, "/nowhere:" + programs.path(), "/app");
  };
  const auto one = start({"direct", "main:app"});
  REQUIRE(one);
  CHECK(one->interpreter == python);
  CHECK(one->flags == Words{"-I"});
  CHECK(one->name == direct);
  CHECK(one->words == Words{"main:app"});
  const auto other = start({by_env, "-x"});
  REQUIRE(other);
  CHECK(other->interpreter == python);
  CHECK(other->name == by_env);
  CHECK(other->words == Words{"-x"});
  for (const char* name : {"shell", "binary", "endless", "nothing"}) {
    CAPTURE(name);
    CHECK(!start({name}));
  }
}
