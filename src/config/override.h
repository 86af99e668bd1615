// SPDX-License-Identifier: Apache-2.0
#pragma once

// `--set KEY=VALUE`: changes the tree before it is bound, so that such a value is checked exactly
// like one in the file.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "base/yaml_tree.h"

namespace runup {

// Puts VALUE, read as YAML, at KEY (see config/key_path.h; keys that hold dots may also be written
// bare when the config has them). Maps and keys on the way are made when missing; a list takes an
// index that it has, or the next one. Where text is expected, VALUE is text without being quoted. Everything new has `source` as its place's source. Returns a
// clause that explains a later complaint ("`models` has no `sing` so far; did you mean `sign`?"),
// mostly empty.
std::expected<std::string, Diagnostic> apply_override(YamlNode& root, std::string_view argument,
                                                      std::uint32_t source);

}  // namespace runup
