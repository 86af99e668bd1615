// SPDX-License-Identifier: Apache-2.0
// Reads COUNT damaged forms of each fixture and checks what must hold for any bytes. With the
// sanitisers on, this is what finds a read beyond the end of a buffer.
//
//   artifact_mutate FIXTURES COUNT

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "artifact_invariants.h"

int main(int count, char** arguments) {
  if (count != 3) {
    std::fputs("usage: artifact_mutate FIXTURES COUNT\n", stderr);
    return 2;
  }
  // Bombs are larger; each form of one would take a second.
  constexpr std::size_t kLargest = 128 * 1024;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(arguments[1])) {
    if (entry.is_regular_file() && entry.path().extension() != ".json" && entry.file_size() <= kLargest) {
      files.push_back(entry.path());
    }
  }
  std::ranges::sort(files);
  const auto each = static_cast<std::uint32_t>(std::strtoul(arguments[2], nullptr, 10));
  for (const auto& path : files) {
    const auto bytes = runup::read_file(path.string(), kLargest);
    for (std::uint32_t seed = 0; bytes && seed < each; ++seed) {
      const std::string changed = seed == 0 ? *bytes : runup::test::mutated(*bytes, seed);
      if (const std::string problem = runup::test::broken_invariant(runup::as_bytes(changed));
          !problem.empty()) {
        std::printf("%s, seed %u: %s\n", path.c_str(), seed, problem.c_str());
        return 1;
      }
    }
  }
  std::printf("%zu files, %u forms of each\n", files.size(), each);
  return files.empty() ? 1 : 0;
}
