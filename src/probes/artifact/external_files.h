// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace runup {

// External data of an ONNX model, mapped.
struct ExternalFiles {
  std::vector<MappedFile> files;
  // views into `files`
  std::map<std::string, Bytes> by_location;
};

// Maps the descriptors `first`, `first + 1`, ..., one for each location.
Result<ExternalFiles> map_external(const std::vector<std::string>& locations, int first);

}  // namespace runup
