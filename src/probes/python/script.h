// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace runup {

// The texts of run_model.py and read_source.py.
std::string_view python_script();
std::string_view source_script();

}  // namespace runup
