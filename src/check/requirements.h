// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the package's requirements and lock files want, for the checks that hold something against it.

#include <functional>
#include <map>
#include <set>
#include <string>

#include "check/outcome.h"
#include "facts/facts.h"

namespace runup {

// What a deployment gets of one project.
struct Wanted {
  // PEP 440: `==2.6.0`; empty for any
  std::string specifiers;
  // the one version, where there is one
  std::string version;
  Location where;
};
// By the project's name as PEP 503 compares it.
using WantedProjects = std::map<std::string, Wanted, std::less<>>;

// What is always installed on this platform; a lock file has the last word. Empty without package facts.
WantedProjects wanted_projects(const Facts& facts);

// The distribution of that name in the interpreter; null when there is none, or nobody asked.
const InstalledFacts* installed_project(const PythonFacts* python, const std::string& name);

// The wanted ones, and those that they bring with them as the interpreter knows it.
std::set<std::string> with_their_own(const WantedProjects& wanted, const PythonFacts* python);

}  // namespace runup
