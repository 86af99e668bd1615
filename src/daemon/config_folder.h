// SPDX-License-Identifier: Apache-2.0
#pragma once

// /etc/runup/*.yaml: one target a file.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/plan.h"

namespace runup {

struct ConfigFile {
  // absolute
  std::string path;
  // without `.yaml`
  std::string stem;
  // nothing where there are errors
  std::optional<Plan> plan;
  // "sign.yaml:4:3: message"
  std::vector<std::string> errors;
};

// Sorted by name. A file may be a link to the config in a package. A folder that is not there or has no config is an error. Two files with the same `target:` are an
// error of the second. Calendar expressions are tried.
Result<std::vector<ConfigFile>> load_folder(const std::string& folder);

// Loads one file for an audit; `path` may be relative.
ConfigFile load_file(const std::string& path);

// Every file whose change asks for another audit: the config, and what it names in the package.
std::vector<std::string> watched_files(const Plan& plan);

}  // namespace runup
