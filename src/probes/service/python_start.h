// SPDX-License-Identifier: Apache-2.0
#pragma once

// How a command starts Python.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace runup {

// `python FLAGS -m NAME WORDS` or `python FLAGS NAME WORDS`.
struct PythonStart {
  // a program, as it is executed
  std::string interpreter;
  std::vector<std::string> flags;
  bool is_module = false;
  // the module's dotted name, else the script's path
  std::string name;
  std::vector<std::string> words;
};

// What these words execute: Python itself, or a script that begins with `#!` and Python's path. Nothing when it is
// another program, a shell, or Python in another way (`-c`, `-i`). `path`: the folders that programs are looked for in,
// with colons between them; `folder`: that it is started in.
std::optional<PythonStart> python_start(const std::vector<std::string>& words, std::string_view path,
                                        const std::string& folder);

}  // namespace runup
