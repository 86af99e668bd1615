// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a YAML scalar means, by the core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema).

#include <cstdint>
#include <string>
#include <variant>

#include "base/yaml_tree.h"

namespace runup {

struct NullValue {};
struct IntegerValue {
  // exact when it fits, else `fits` is false
  std::int64_t value = 0;
  bool fits = true;
  // `010`: 8 in YAML 1.1, 10 in YAML 1.2
  bool leading_zero = false;
};
struct NumberValue {
  double value = 0;
};
struct TextValue {};
struct ListValue {};
struct MapValue {};

using Seen = std::variant<NullValue, bool, IntegerValue, NumberValue, TextValue, ListValue, MapValue>;

Seen resolve(const YamlNode& node);

// Text for a message: printable, at most some 60 characters.
std::string shown(std::string_view text);

// "the integer `300`", "the text `\"300\"`", "a list", for messages.
std::string describe_seen(const YamlNode& node);

// As a plain scalar if that means this very text, else in double quotes.
std::string yaml_text(std::string_view text);

}  // namespace runup
