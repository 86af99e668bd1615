// SPDX-License-Identifier: Apache-2.0
#include "probes/service/launch.h"

#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>

using namespace runup;

namespace {

using Words = std::vector<std::string>;

Words words_of(const std::string& command) { return words_of_command(command, "/nonexistent/bin/python3"); }

}  // namespace

TEST_CASE("launch: a command that needs no shell is executed as its words") {
  CHECK(words_of("serve  --port 80") == Words{"serve", "--port", "80"});
  CHECK(words_of("exec serve") == Words{"serve"});
  CHECK(words_of("sh -c 'exec serve --name \"a b\"'") == Words{"sh", "-c", "exec serve --name \"a b\""});
  CHECK(words_of("serve \"a b\" ''") == Words{"serve", "a b", ""});
  CHECK(words_of("A=1 B=2 serve") == Words{"env", "A=1", "B=2", "serve"});
}

TEST_CASE("launch: python and its servers are the service's own") {
  CHECK(words_of("python main.py") == Words{"/nonexistent/bin/python3", "main.py"});
  CHECK(words_of("uvicorn main:app") == Words{"/nonexistent/bin/python3", "-m", "uvicorn", "main:app"});
  CHECK(words_of("./python main.py") == Words{"./python", "main.py"});
}

TEST_CASE("launch: what a shell does is left to a shell") {
  for (const char* command : {"serve --port $PORT", "cd app && serve", "serve > log", "serve \"$HOME\"",
                              "serve 'open", "serve *.pth", "serve a\\ b", ""}) {
    CHECK(words_of(command) == Words{"/bin/sh", "-c", command});
  }
}
