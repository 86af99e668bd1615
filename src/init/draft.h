// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the config of a surveyed package shall say, and why. Pure: a Survey in, a Draft out.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "facts/declaration.h"
#include "facts/service_declaration.h"
#include "init/survey.h"

namespace runup::init {

// A line of the config that waits for somebody: it is written as a comment.
struct Hint {
  // "python: .venv/bin/python"
  std::string text;
  // what to fill in
  std::string why;
  bool operator==(const Hint&) const = default;
};

// What is said of keys beside their values. Any text: whoever writes it makes one line of it.
struct Comments {
  // by key, such as `path`, `axes.batch`, `inputs[0]`
  std::map<std::string, std::string> why;
  // by key: below its value, or in its place
  std::map<std::string, std::vector<Hint>> below;
};

struct DraftModel {
  // fits the config's rule for names
  std::string name;
  ModelDeclaration declared;
  Comments comments;
};

// Paths are as the config has them (config/paths.h says what each is relative to). All values are UTF-8.
struct Draft {
  TargetDeclaration target;
  Comments comments;
  // at least one: without any model file it stands for the one that must be named
  std::vector<DraftModel> models;
  // nothing without a command; then `comments.below["service"]` has a sketch
  std::optional<ServiceDeclaration> service;
  Comments service_comments;
  // a line for each file that looks like a model and is none of `models`, and for what was not looked at
  std::vector<std::string> notes;
  // for the terminal: "`inputs` of `net`"
  std::vector<std::string> to_fill;
  std::vector<std::string> guessed;
};

// How the package is reached from the config's folder: "." and "", or "../service" and "../service/".
struct Placement {
  std::string package = ".";
  std::string prefix;
  // what the target may be called
  std::string name;
};

// Nothing when the package has neither a model file nor a source that could be a server's.
std::optional<Draft> make_draft(const Survey& survey, const Placement& placement);

}  // namespace runup::init
