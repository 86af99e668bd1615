// SPDX-License-Identifier: Apache-2.0
#include "check/source.h"

#include <catch2/catch_test_macros.hpp>

using namespace runup;

namespace {

TargetDeclaration target() {
  return {.target = "sign",
          .package = "/srv/sign",
          .installed_at = "/app",
          .mounts = {{.at = "/models", .from = "/srv/store"}},
          .entrypoint = "/srv/sign/src/main.py"};
}

StartKind kind_of(const CommandFacts& command, const std::optional<CommandFacts>& entrypoint = {}) {
  PackageFacts package;
  package.dockerfile =
      DockerfileFacts{.file = "Dockerfile", .built = {.command = command, .entrypoint = entrypoint}};
  return start_way(target(), Observed<PackageFacts>::seen(std::move(package), {})).kind;
}

CommandFacts exec(std::vector<std::string> words) { return {.exec = true, .words = std::move(words)}; }

}  // namespace

TEST_CASE("how an image starts the server") {
  CHECK(kind_of(exec({"uvicorn", "main:app"})) == StartKind::server);
  CHECK(kind_of(exec({"/opt/venv/bin/gunicorn", "-k", "uvicorn.workers.UvicornWorker", "main:app"})) ==
        StartKind::server);
  CHECK(kind_of(exec({"python", "-m", "uvicorn", "main:app"})) == StartKind::server);
  CHECK(kind_of(exec({"python", "main.py"})) == StartKind::script);
  CHECK(kind_of(exec({"python3.11", "-u", "-W", "ignore", "/app/src/main.py", "--port", "80"})) ==
        StartKind::script);
  CHECK(kind_of(exec({"python", "-m", "src.main"})) == StartKind::script);
  CHECK(kind_of(exec({"python", "other.py"})) == StartKind::unknown);
  CHECK(kind_of(exec({"./start.sh"})) == StartKind::unknown);
  CHECK(kind_of({.text = "exec uvicorn main:app --port $PORT"}) == StartKind::server);
  CHECK(kind_of({.text = "python src/main.py"}) == StartKind::script);
  // CMD is what ENTRYPOINT's exec form gets, and nothing to its shell form.
  CHECK(kind_of(exec({"main.py"}), exec({"python"})) == StartKind::script);
  CHECK(kind_of(exec({"main.py"}), CommandFacts{.text = "uvicorn main:app"}) == StartKind::server);
  CHECK(kind_of({}) == StartKind::unknown);
  CHECK(start_way(target(), {}).kind == StartKind::unknown);
}

TEST_CASE("where a path of the sources leads") {
  const auto here = [](PathAnchor anchor, const std::string& value) {
    return source_path_here(target(), {.anchor = anchor, .value = value});
  };
  CHECK(here(PathAnchor::file, "models/x.pth") == "/srv/sign/models/x.pth");
  CHECK(here(PathAnchor::file, "../x.pth") == "/srv/x.pth");
  CHECK(here(PathAnchor::cwd, "models/x.pth") == "/srv/sign/src/models/x.pth");
  CHECK(here(PathAnchor::absolute, "/app/models/x.pth") == "/srv/sign/models/x.pth");
  CHECK(here(PathAnchor::absolute, "/models/x.pth") == "/srv/store/x.pth");
  CHECK(here(PathAnchor::absolute, "/opt/x.pth") == "/opt/x.pth");
  CHECK(here(PathAnchor::absolute, "C:/x.pth") == std::nullopt);
  CHECK(here(PathAnchor::file, "models/{}.pth") == std::nullopt);
  CHECK(here(PathAnchor::environment, "{MODEL}") == std::nullopt);
  CHECK(here(PathAnchor::unknown, "x") == std::nullopt);
}
