// SPDX-License-Identifier: Apache-2.0
#pragma once

// Checks a YAML tree against a type and turns it into JSON of the form that base/codec.h reads, with
// defaults filled in. Everything that is wrong is collected, not only the first mistake.

#include <map>
#include <string>
#include <vector>

#include "base/schema.h"
#include "base/yaml_tree.h"

namespace runup {

// Where a value was written: its key (of a list's item, the item) and what stands behind it.
struct Written {
  Place key;
  Place value;
};

struct Bound {
  // What could not be bound is null, so that decoding it as anything fails; keys that are unknown
  // or given twice are left out (of two, the first counts).
  Json value;
  // by key path; values that are not here are defaults
  std::map<std::string, Written> written;
  std::vector<Diagnostic> diagnostics;
};

Bound bind(const YamlNode& root, const TypeInfo& type);

// The value of an object none of whose keys are given: the fallbacks of its members. Members without
// one are left out.
Json default_object(const std::vector<FieldInfo>& members);

}  // namespace runup
