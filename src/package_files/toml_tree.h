// SPDX-License-Identifier: Apache-2.0
#pragma once

// TOML text as a tree that remembers lines. The only place that calls toml++. Untrusted input: size,
// nesting and the length of dotted keys are bounded, and a rule that is broken is an error, never an
// exception.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace runup {

inline constexpr std::size_t kMaxTomlBytes = std::size_t{8} * 1024 * 1024;
// of lists and inline tables
inline constexpr std::size_t kMaxTomlDepth = 64;
// `a.b.c` has 3 parts
inline constexpr std::size_t kMaxTomlKeyParts = 32;

enum class TomlKind { text, boolean, other, list, table };

struct TomlEntry;

struct TomlNode {
  TomlKind kind = TomlKind::table;
  // counts from 1
  std::uint64_t line = 0;
  // of `text`; of `boolean` `true` or `false`; of `other` (numbers, dates) empty
  std::string text;
  // of `list`
  std::vector<TomlNode> items;
  // of `table`: in file order
  std::vector<TomlEntry> entries;

  // The value of a table's key, or null: also when this is no table.
  const TomlNode* find(std::string_view key) const;
  // Keys one below the other.
  template <class... Keys>
  const TomlNode* find(std::string_view key, Keys... below) const {
    const TomlNode* node = find(key);
    return node == nullptr ? nullptr : node->find(below...);
  }
  // The text at a key; empty when it is not there or no text.
  std::string text_at(std::string_view key) const;
  // The texts of a list at a key.
  std::vector<std::string> texts_at(std::string_view key) const;
};

struct TomlEntry {
  std::string key;
  TomlNode value;
};

// The table that is the whole file.
Result<TomlNode> parse_toml(std::string_view text);

}  // namespace runup
