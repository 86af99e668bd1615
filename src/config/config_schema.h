// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "base/codec.h"
#include "check/catalogue.h"

namespace runup {

// JSON Schema (draft 2020-12) of runup.yaml for editors, from the same tables that bind it. It knows
// each value's form; the rules between values (an axis that a shape names, a range's order) only
// runup knows. Checks that are not built in pass, since a plugin may bring them.
Json config_schema(std::span<const CatalogueEntry> catalogue);

}  // namespace runup
