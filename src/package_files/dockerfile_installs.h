// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the shell commands of a RUN install.

#include <cstdint>
#include <string_view>
#include <vector>

#include "facts/package_files.h"
#include "package_files/dockerfile_syntax.h"

namespace runup {

// The calls of package managers in a shell text: `apt-get update && pip install -r requirements.txt`. Read
// word by word without running anything: what stands in loops, functions and scripts is seen as if it ran
// once.
std::vector<InstallFacts> installs_of_shell(std::string_view text, std::uint64_t line,
                                            const VariableLookup& lookup);

// The same for one command, given in words.
std::vector<InstallFacts> installs_of_words(const std::vector<std::string>& command, std::uint64_t line);

}  // namespace runup
