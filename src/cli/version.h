// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace runup {

// "runup 0.1.0" and the libraries that it was built with, one a line.
std::string version_text();

}  // namespace runup
