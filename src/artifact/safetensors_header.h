// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "artifact/defects.h"

namespace runup::artifact {

struct SafetensorsEntry {
  std::string name;
  std::string dtype;
  std::vector<std::uint64_t> shape;
  std::vector<std::uint64_t> offsets;
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> tensors;
  // of `__metadata__`
  std::vector<std::pair<std::string, std::string>> metadata;
};

// Reads the JSON strictly: nothing but the known members, each once, of the right type. Streaming,
// so that a header of the greatest size does not become a tree of ten times that.
Read<SafetensorsHeader> read_safetensors_header(std::string_view json);

}  // namespace runup::artifact
