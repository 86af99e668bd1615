// SPDX-License-Identifier: Apache-2.0
#pragma once

// The syntax of Dockerfiles, as BuildKit's parser has it: lines, here-documents, words and variables,
// before any instruction is understood.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "facts/package_files.h"

namespace runup {

// What is longer is cut at a line, and told as a problem.
inline constexpr std::size_t kMaxDockerfileBytes = std::size_t{1} * 1024 * 1024;
inline constexpr std::size_t kMaxInstructions = 5'000;

struct HereDocument {
  std::string name;
  // with its line ends
  std::string content;
};

struct Instruction {
  // upper-case
  std::string name;
  // `--from=builder` without the dashes
  std::vector<std::string> flags;
  // what follows, continued lines joined, outer blanks removed
  std::string text;
  std::vector<HereDocument> documents;
  std::uint64_t line = 0;
};

struct DockerfileSyntax {
  std::vector<Instruction> instructions;
  // `\`, or what `# escape=` says
  char escape = '\\';
  std::vector<FileProblem> problems;
};

DockerfileSyntax parse_dockerfile_syntax(std::string_view text, std::string_view file);

// A variable's value; nothing when it has none that the Dockerfile tells.
using VariableLookup = std::function<std::optional<std::string>(std::string_view name)>;

// Removes quotes and escapes and fills in variables: `$X`, `${X}`, `${X:-default}`, `${X:+other}`. What has
// no value, and forms other than these, stay as written.
std::string expand_word(std::string_view word, char escape, const VariableLookup& lookup);

// Splits at blanks that are not in quotes and not escaped; quotes and escapes stay.
std::vector<std::string> split_words(std::string_view text, char escape);

// The texts of a JSON list; nothing when it is not one, and then Docker takes it for a shell command.
std::optional<std::vector<std::string>> exec_form(std::string_view text);

}  // namespace runup
