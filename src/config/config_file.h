// SPDX-License-Identifier: Apache-2.0
#pragma once

// The config file as a type: its keys beside those of facts/declaration.h, and all of them together
// as the one TypeInfo that binding, the JSON schema and `runup config` work from.

#include <array>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/schema.h"
#include "check/catalogue.h"
#include "config/plan.h"

namespace runup {

inline constexpr int kConfigVersion = 1;

// The options of a check's entry that every check has.
inline constexpr std::string_view kEnabledOption = "enabled";
inline constexpr std::string_view kSeverityOption = "severity";

// Whose options `checks:` may hold.
struct CheckTypes {
  std::span<const CatalogueEntry> built_in;
  std::vector<PluginInfo> plugins;
  // further ids that pass with any options: plugins that were not or could not be asked
  std::vector<std::string> tolerated;
};

// `checks.ID`: enabled, severity (a word for all findings or a map by finding id) and the options.
TypeInfo check_entry_type(const CatalogueEntry& check);
TypeInfo check_entry_type(const PluginInfo& plugin);

TypeInfo config_type(const CheckTypes& checks);

// The severities of a bound `checks.ID`; empty when it gives none.
SeverityOverrides severity_overrides(const Json& entry);

}  // namespace runup
