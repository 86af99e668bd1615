// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <thread>

#include <catch2/catch_test_macros.hpp>

#include "probes/supervisor/capture.h"
#include "probes/supervisor/processes.h"

namespace runup {
namespace {

TEST_CASE("capture keeps the start and the end") {
  Capture capture(4, 6);
  capture.append("ab");
  CHECK(capture.text() == "ab");
  capture.append("cdef");
  CHECK(capture.text() == "abcdef");
  capture.append("ghij");
  CHECK(capture.text() == "abcdefghij");
  capture.append("k");
  CHECK(capture.text() == "abcd\n[... 1 B left out ...]\nfghijk");
  capture.append(std::string(1000, 'z'));
  CHECK(capture.text() == "abcd\n[... 1001 B left out ...]\nzzzzzz");
  CHECK(capture.seen() == 1011);
}

TEST_CASE("children of a process, by each of its threads") {
  int hold[2];
  REQUIRE(::pipe2(hold, O_CLOEXEC) == 0);
  pid_t child = -1;
  std::jthread forker([&] {
    child = ::fork();
    if (child == 0) {
      std::array<char, 1> byte{};
      ::close(hold[1]);
      [[maybe_unused]] const ssize_t ignored = ::read(hold[0], byte.data(), 1);
      ::_exit(0);
    }
  });
  forker.join();
  const std::vector<pid_t> children = children_of(::getpid());
  CHECK(std::ranges::find(children, child) != children.end());
  kill_tree(child);
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(WIFSIGNALED(status));
  ::close(hold[0]);
  ::close(hold[1]);
}

}  // namespace
}  // namespace runup
