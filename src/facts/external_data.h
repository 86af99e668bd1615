// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace runup {

// Where the file is that the model file at `model` (an absolute path) calls `location`: beside it, `/` between
// the parts. Nothing when the location is empty or absolute, or leads out of the model file's folder.
std::optional<std::string> external_data_path(std::string_view model, std::string_view location);

}  // namespace runup
