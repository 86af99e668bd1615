// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace runup {

// The text of run_model.py.
std::string_view python_script();

}  // namespace runup
