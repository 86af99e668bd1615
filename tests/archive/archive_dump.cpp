// SPDX-License-Identifier: Apache-2.0
// archive_dump ARCHIVE FOLDER [WANTED...]: unpacks as the archive probe does, and prints its facts as JSON, or
// {"refused": WORDS}. Without a sandbox, so that what gets out is seen.

#include <fcntl.h>

#include <iostream>
#include <string>

#include "base/bytes.h"
#include "probes/archive/unpack.h"

int main(int argc, char** argv) {
  using namespace runup;
  if (argc < 3) {
    return 64;
  }
  const FileDescriptor archive(::open(argv[1], O_RDONLY | O_CLOEXEC));
  if (!archive) {
    return 66;
  }
  const auto facts =
      unpack_archive(archive.get(), {.path = argv[1], .folder = argv[2], .wanted = {argv + 3, argv + argc}});
  std::cout << (facts ? encode(*facts) : Json{{"refused", facts.error().describe()}}).dump() << '\n';
  return 0;
}
