// SPDX-License-Identifier: Apache-2.0
#include "probes/service/python_start.h"

#include <array>
#include <cctype>
#include <fstream>
#include <utility>

#include "base/bytes.h"
#include "base/text.h"

namespace runup {

namespace {

constexpr std::size_t kLongestFirstLine = 256;
// Of Python's command line: flags that change nothing of how a module or script begins, and those with a value.
constexpr std::string_view kFlags = "BEIOPRSbdqsuv";
constexpr std::string_view kValued = "XW";

std::string program_named(const std::string& name, std::string_view path, const std::string& folder) {
  if (name.contains('/')) {
    return name.starts_with('/') ? name : folder + "/" + name;
  }
  for (const std::string& place : split(path, ':')) {
    const std::string program = place + "/" + name;
    if (is_program(program)) {
      return program;
    }
  }
  return "";
}

// `python`, `python3`, `python3.13`
bool is_python(std::string_view program) {
  program.remove_prefix(program.rfind('/') + 1);
  if (!program.starts_with("python")) {
    return false;
  }
  for (const char c : program.substr(6)) {
    if (c != '.' && !std::isdigit(static_cast<unsigned char>(c))) {
      return false;
    }
  }
  return true;
}

// The words after `#!`.
std::vector<std::string> first_line_of(const std::string& script) {
  std::ifstream file(script);
  std::array<char, kLongestFirstLine> begin{};
  file.read(begin.data(), begin.size());
  const std::string_view text(begin.data(), static_cast<std::size_t>(file.gcount()));
  const std::size_t end = text.find('\n');
  if (!text.starts_with("#!") || end == std::string_view::npos) {
    return {};
  }
  std::vector<std::string> words;
  for (std::string& word : split(trim(text.substr(2, end - 2)), ' ')) {
    if (!word.empty()) {
      words.push_back(std::move(word));
    }
  }
  return words;
}

bool is_flag(std::string_view word) {
  return word.size() > 1 && word.front() == '-' &&
         word.find_first_not_of(kFlags, 1) == std::string_view::npos;
}

// Of the words after the interpreter.
std::optional<PythonStart> start_of(std::string interpreter, const std::vector<std::string>& words) {
  PythonStart start{.interpreter = std::move(interpreter)};
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const bool valued = word.size() > 1 && word[0] == '-' && kValued.contains(word[1]);
    if (is_flag(word) || (valued && word.size() > 2)) {
      start.flags.push_back(word);
    } else if (valued && i + 1 < words.size()) {
      start.flags.insert(start.flags.end(), {word, words[++i]});
    } else {
      start.is_module = word == "-m" && i + 1 < words.size();
      i += start.is_module ? 1 : 0;
      if (!start.is_module && word.starts_with('-')) {
        return std::nullopt;
      }
      start.name = words[i];
      start.words.assign(words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
      return start;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<PythonStart> python_start(const std::vector<std::string>& words, std::string_view path,
                                        const std::string& folder) {
  if (words.empty()) {
    return std::nullopt;
  }
  const std::string program = program_named(words.front(), path, folder);
  const std::vector<std::string> rest(words.begin() + 1, words.end());
  if (is_python(program)) {
    return start_of(program, rest);
  }
  std::vector<std::string> line = first_line_of(program);
  if (line.size() == 2 && line[0].ends_with("/env")) {
    line = {program_named(line[1], path, folder)};
  }
  if (line.empty() || line.size() > 2 || !is_python(line[0])) {
    return std::nullopt;
  }
  const std::string interpreter = line[0];
  line.erase(line.begin());
  line.push_back(program);
  line.insert(line.end(), rest.begin(), rest.end());
  return start_of(interpreter, line);
}

}  // namespace runup
