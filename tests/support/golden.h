// SPDX-License-Identifier: Apache-2.0
#pragma once

// Golden files: what the program printed when a person last read it and agreed. The name carries
// the verdict, `golden/CASE.EXIT.EXTENSION`, so that a changed verdict is a changed file.

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include <catch2/catch_message.hpp>
#include <catch2/catch_test_macros.hpp>

#include "base/bytes.h"

namespace runup::testing {

inline constexpr std::size_t kMaxGoldenBytes = std::size_t{16} * 1024 * 1024;

// The first line in which the two differ, both forms.
inline std::string first_difference(std::string_view expected, std::string_view actual) {
  std::size_t line = 1;
  while (true) {
    const std::string_view a = expected.substr(0, expected.find('\n'));
    const std::string_view b = actual.substr(0, actual.find('\n'));
    if (a != b || a.size() == expected.size() || b.size() == actual.size()) {
      return "line " + std::to_string(line) + "\n  golden: " + std::string(a) +
             "\n  now:    " + std::string(b);
    }
    expected.remove_prefix(a.size() + 1);
    actual.remove_prefix(b.size() + 1);
    ++line;
  }
}

// Compares `actual` with the file RUNUP_SOURCE_DIR/`path`, or writes it there when the environment
// has RUNUP_UPDATE_GOLDEN=1.
inline void check_golden(const std::string& path, const std::string& actual) {
  const std::string file = std::string(RUNUP_SOURCE_DIR) + "/" + path;
  const char* update = std::getenv("RUNUP_UPDATE_GOLDEN");
  if (update != nullptr && std::string_view(update) == "1") {
    std::filesystem::create_directories(std::filesystem::path(file).parent_path());
    REQUIRE(write_file_atomically(file, actual));
    return;
  }
  const auto expected = read_file(file, kMaxGoldenBytes);
  INFO("golden file: " << path << "\nrerun:  ./dev test golden\naccept: ./dev golden");
  if (!expected) {
    FAIL("there is no golden file: " << expected.error().describe());
  }
  if (*expected != actual) {
    FAIL("output differs from its golden in " << first_difference(*expected, actual));
  }
}

}  // namespace runup::testing
