// SPDX-License-Identifier: Apache-2.0
#include "check/requirements.h"

#include <algorithm>
#include <vector>

#include "check/predictor.h"
#include "facts/marker.h"
#include "facts/version.h"

namespace runup {

WantedProjects wanted_projects(const Facts& facts) {
  WantedProjects all;
  if (!facts.package) {
    return all;
  }
  const PythonFacts* python = predictor_facts(facts);
  const MarkerEnvironment here{.python_full_version = python != nullptr ? python->version : "",
                               .platform_machine = facts.host ? facts.host->architecture : ""};
  for (const RequirementFacts& one : facts.package->requirements.requirements) {
    if (one.name.empty() || !one.group.empty() || one.source != PackageSource::pypi ||
        marker_holds(one.marker, here) == false || (one.constraint && !all.contains(one.name))) {
      continue;
    }
    Wanted& wanted = all[one.name];
    wanted.specifiers +=
        wanted.specifiers.empty() || one.specifiers.empty() ? one.specifiers : "," + one.specifiers;
    wanted.version = one.pinned.empty() ? wanted.version : one.pinned;
    wanted.where = {.file = one.file, .key = {}, .line = one.line};
  }
  for (const LockedFacts& one : facts.package->locked) {
    if (!one.own && !one.version.empty() && marker_holds(one.marker, here) != false) {
      all[one.name] = {.specifiers = "==" + one.version,
                       .version = one.version,
                       .where = {.file = one.file, .key = {}, .line = one.line}};
    }
  }
  return all;
}

const InstalledFacts* installed_project(const PythonFacts* python, const std::string& name) {
  if (python == nullptr) {
    return nullptr;
  }
  const auto found = std::ranges::find_if(
      python->installed, [&](const InstalledFacts& one) { return normalised_name(one.name) == name; });
  return found == python->installed.end() ? nullptr : &*found;
}

std::set<std::string> with_their_own(const WantedProjects& wanted, const PythonFacts* python) {
  std::set<std::string> all;
  std::vector<std::string> open;
  for (const auto& [name, one] : wanted) {
    open.push_back(name);
  }
  while (!open.empty()) {
    const std::string name = open.back();
    open.pop_back();
    if (!all.insert(name).second) {
      continue;
    }
    if (const InstalledFacts* installed = installed_project(python, name)) {
      for (const std::string& other : installed->wants) {
        open.push_back(normalised_name(other));
      }
    }
  }
  return all;
}

}  // namespace runup
