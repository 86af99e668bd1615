// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "config/binder.h"
#include "config/config_file.h"
#include "config/plan.h"

namespace runup {

// A plugin that could not be asked what it is.
struct FailedPlugin {
  // absolute
  std::string path;
  std::string reason;
};

struct PlanParts {
  // absolute path of the config file
  std::string config_file;
  // without diagnostics
  Bound bound;
  TypeInfo type;
  CheckTypes checks;
  std::vector<FailedPlugin> failed_plugins;
};

// The plan with all checks on all models: built-in ones in their reading order (`order` in the front
// matter of their pages, then by id), then plugins.
Plan build_plan(PlanParts parts);

}  // namespace runup
