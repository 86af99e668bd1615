// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits>
#include <string_view>
#include <tuple>
#include <type_traits>

namespace runup {

// What a value may be, beyond its type. Ranges are inclusive; for text and lists they bound the
// length, for durations they are in seconds.
struct Rule {
  bool required = false;
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
};

inline constexpr Rule kRequired{.required = true};

// One row of a struct's table: the name that it has in YAML and JSON, the member, a sentence for
// people, and what values are allowed. The table is the only place where a field is named: the
// JSON form, the YAML binding, the JSON schema and the documentation tables all read it.
template <class Struct, class Member>
struct Field {
  std::string_view name;
  Member Struct::* member;
  std::string_view help = "";
  Rule rule = {};
};
template <class Struct, class Member>
Field(std::string_view, Member Struct::*) -> Field<Struct, Member>;
template <class Struct, class Member>
Field(std::string_view, Member Struct::*, std::string_view) -> Field<Struct, Member>;
template <class Struct, class Member>
Field(std::string_view, Member Struct::*, std::string_view, Rule) -> Field<Struct, Member>;

// A struct with a table: `static constexpr auto fields() { return std::tuple{Field{...}, ...}; }`
template <class T>
concept Described = std::is_class_v<T> && requires { T::fields(); };

// An enum with names: a free function, found by ADL, `constexpr auto enum_names(E)` that returns a
// std::array of pairs {E, std::string_view}. The names are those of YAML and JSON.
template <class T>
concept NamedEnum = std::is_enum_v<T> && requires(T value) { enum_names(value); };

template <NamedEnum E>
constexpr std::string_view enum_name(E value) {
  for (const auto& [candidate, name] : enum_names(value)) {
    if (candidate == value) {
      return name;
    }
  }
  return "?";
}

template <Described T, class Visitor>
constexpr void for_each_field(Visitor&& visitor) {
  std::apply([&](const auto&... field) { (visitor(field), ...); }, T::fields());
}

}  // namespace runup
