// SPDX-License-Identifier: Apache-2.0
#include "runner/interpreter.h"

#include <catch2/catch_test_macros.hpp>
#include <filesystem>

#include "base/scratch_folder.h"

using namespace runup;

namespace {

// A program at `path` below the package, as far as looking for it goes.
void put_program(const ScratchFolder& package, const std::string& path) {
  const std::filesystem::path place = package.path() + "/" + path;
  std::filesystem::create_directories(place.parent_path());
  std::filesystem::create_symlink("/bin/true", place);
}

std::string found(const ScratchFolder& package, const std::string& path_variable = "/nowhere") {
  const auto interpreter = find_interpreter({.package = package.path()}, {"PATH=" + path_variable});
  if (!interpreter) {
    return "";
  }
  const std::string prefix = package.path() + "/";
  return (interpreter->guessed ? "guessed " : "") + (interpreter->path.starts_with(prefix)
                                                         ? interpreter->path.substr(prefix.size())
                                                         : interpreter->path);
}

}  // namespace

TEST_CASE("the service's interpreter is the config's, the package's, or a guess") {
  const ScratchFolder package = *ScratchFolder::make("runup-interpreter");
  CHECK(found(package).empty());
  put_program(package, "tools/bin/python3");
  CHECK(found(package, package.path() + "/tools/bin") == "guessed tools/bin/python3");
  // of conda, by what conda leaves there; a folder with a `bin` alone is none
  put_program(package, "gestures/bin/python");
  put_program(package, "aaa/bin/python");
  std::filesystem::create_directories(package.path() + "/gestures/conda-meta");
  CHECK(found(package) == "gestures/bin/python");
  put_program(package, "env/bin/python");
  CHECK(found(package) == "env/bin/python");
  put_program(package, ".venv/bin/python");
  CHECK(found(package, package.path() + "/tools/bin") == ".venv/bin/python");
  const auto named =
      find_interpreter({.package = package.path(), .python = package.path() + "/aaa/bin/python"}, {});
  REQUIRE(named);
  CHECK(named->path == package.path() + "/aaa/bin/python");
  CHECK_FALSE(named->guessed);
  CHECK_FALSE(find_interpreter({.package = package.path(), .python = "/nowhere/python"}, {}));
}

TEST_CASE(
    "modules are imported from the entry point's folder, or from the root where only that has the "
    "factory's") {
  const ScratchFolder package = *ScratchFolder::make("runup-roots");
  const std::string root = package.path();
  std::filesystem::create_directories(root + "/app/serving");
  const auto roots = [&](const std::string& entrypoint, const std::string& factory) {
    return import_roots({.package = root, .entrypoint = entrypoint.empty() ? "" : root + "/" + entrypoint},
                        factory);
  };
  CHECK(roots("", "serving:make") == std::vector{root});
  CHECK(roots("main.py", "serving:make") == std::vector{root});
  CHECK(roots("app/main.py", "serving.predictor:make") == std::vector{root + "/app", root});
  CHECK(roots("app/main.py", "app.serving:make") == std::vector{root, root + "/app"});
}
