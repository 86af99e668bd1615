// SPDX-License-Identifier: Apache-2.0
#pragma once

// Python requirements as people write them: one of PEP 508, and pip's requirements files.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "facts/package_files.h"
#include "facts/version.h"

namespace runup {

// What is longer is cut at a line, and told as a problem.
inline constexpr std::size_t kMaxRequirementsBytes = std::size_t{4} * 1024 * 1024;
// of one line with those that continue it
inline constexpr std::size_t kMaxRequirementBytes = std::size_t{64} * 1024;
inline constexpr std::size_t kMaxRequirements = 20'000;

// The PyTorch build that an index address, a wheel's address or a local version names: `cpu`, `cu124`,
// `rocm6.2`, `xpu`; empty when none.
std::string torch_build_of(std::string_view text);

// One requirement: PEP 508 (`torch[opt]>=2 ; python_version < "3.13"`, `name @ URL`), an address of an archive
// or of version control, a wheel or a folder by its path. Without pip's options; `file` and `line` are
// left for the caller.
Result<RequirementFacts> parse_requirement(std::string_view text);

// A requirements file, with pip's rules for comments, continued lines and options. `-r` and `-c` are
// reported for the caller to follow. Environment variables (`${TOKEN}`) stay as written.
RequirementsFacts read_requirements(std::string_view bytes, std::string_view file,
                                    bool is_constraints = false);

// One line of such a file that stands elsewhere, such as in a conda environment. Adds what it says to
// `facts`.
void read_requirement_line(std::string_view text, std::string_view file, std::uint64_t line,
                           RequirementsFacts& facts);

}  // namespace runup
