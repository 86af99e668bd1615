// SPDX-License-Identifier: Apache-2.0
#pragma once

// YAML text as a tree that remembers where everything was written. The only place that calls
// yaml-cpp. Untrusted input: file size, nesting, number of values and what aliases expand to are
// bounded, and a rule that is broken is one diagnostic, never an exception.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace runup {

inline constexpr std::size_t kMaxConfigBytes = std::size_t{1024} * 1024;
inline constexpr std::size_t kMaxYamlDepth = 64;
// values and keys together, each use of an alias counted in full
inline constexpr std::size_t kMaxYamlNodes = 100'000;

// Where something was written. Lines and columns count from 1, columns in characters; line 0 is the
// source as a whole. `source` 0 is the config file, N is the N-th `--set` of the command line.
struct Place {
  std::uint32_t source = 0;
  std::uint64_t line = 0;
  std::uint64_t column = 0;
  auto operator<=>(const Place&) const = default;
};

struct Diagnostic {
  Place place;
  // observed then expected, lower-case, no final period
  std::string message;
  auto operator<=>(const Diagnostic&) const = default;
};

// `plain` scalars may mean a number or a truth value; `quoted` ones (also block scalars and what is
// tagged `!!str`) are text whatever they look like.
enum class YamlKind { null, plain, quoted, list, map };

struct YamlEntry;

struct YamlNode {
  YamlKind kind = YamlKind::null;
  Place place;
  // of `plain` and `quoted`: UTF-8
  std::string text;
  // of `list`
  std::vector<YamlNode> items;
  // of `map`: in file order, duplicates kept
  std::vector<YamlEntry> entries;
};

struct YamlEntry {
  std::string key;
  // of the key
  Place place;
  YamlNode value;
};

// The one document in `text`; a null node when there is none. Aliases are replaced by copies, which
// keep the places of what they stand for.
std::expected<YamlNode, Diagnostic> parse_yaml(std::string_view text, std::uint32_t source = 0);

}  // namespace runup
