// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "init/draft.h"

namespace runup::init {

// The text of runup.yaml, in the order of the config's documentation. Pure. Every value is written so that it is read
// back as it is, and no comment is longer than its line, whatever text it is made of.
std::string render_draft(const Draft& draft);

}  // namespace runup::init
