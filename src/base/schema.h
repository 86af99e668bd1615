// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "base/codec.h"

namespace runup {

// A type as data: what YAML binding, --set, JSON schemas and documentation tables are made from.
// It is derived from a struct's fields() table, or read from what a plugin says of its options.
struct FieldInfo;

enum class TypeKind { boolean, integer, number, text, duration, byte_size, choice, list, map, object, any };

constexpr auto enum_names(TypeKind) {
  using enum TypeKind;
  return std::array<std::pair<TypeKind, std::string_view>, 11>{{{boolean, "boolean"},
                                                                {integer, "integer"},
                                                                {number, "number"},
                                                                {text, "text"},
                                                                {duration, "duration"},
                                                                {byte_size, "bytes"},
                                                                {choice, "choice"},
                                                                {list, "list"},
                                                                {map, "map"},
                                                                {object, "object"},
                                                                {any, "any"}}};
}

struct TypeInfo {
  TypeKind kind = TypeKind::any;
  // of `choice`: the allowed words
  std::vector<std::string> choices;
  // of `list` and `map`: one element, the type of each item
  std::vector<TypeInfo> item;
  // of `object`: its members, in table order
  std::vector<FieldInfo> members;
  // of `any`: other forms a value may take ("an integer or the name of an axis")
  std::vector<TypeInfo> any_of;
  Rule rule = {};
};

struct FieldInfo {
  std::string name;
  std::string help;
  // false: the value may be left out, and then is `fallback` (null when there is none)
  bool required = false;
  TypeInfo type;
  Json fallback;
};

// Types with a form of their own (a shape's dimension is an integer or an axis name) specialise
// this with `static TypeInfo make()`.
template <class T>
struct CustomType;
template <class T>
concept HasCustomType = requires { CustomType<T>::make(); };

template <class T>
TypeInfo type_info() {
  using namespace codec_detail;
  TypeInfo info;
  if constexpr (HasCustomType<T>) {
    return CustomType<T>::make();
  } else if constexpr (IsOptional<T>::value) {
    return type_info<typename T::value_type>();
  } else if constexpr (std::is_same_v<T, bool>) {
    info.kind = TypeKind::boolean;
  } else if constexpr (std::is_same_v<T, Duration>) {
    info.kind = TypeKind::duration;
  } else if constexpr (std::is_same_v<T, ByteSize>) {
    info.kind = TypeKind::byte_size;
  } else if constexpr (NamedEnum<T>) {
    info.kind = TypeKind::choice;
    for (const auto& [value, name] : enum_names(T{})) {
      info.choices.emplace_back(name);
    }
  } else if constexpr (std::is_integral_v<T>) {
    info.kind = TypeKind::integer;
    info.rule.min = std::is_unsigned_v<T> ? 0 : info.rule.min;
  } else if constexpr (std::is_floating_point_v<T>) {
    info.kind = TypeKind::number;
  } else if constexpr (std::is_same_v<T, std::string>) {
    info.kind = TypeKind::text;
  } else if constexpr (IsVector<T>::value) {
    info.kind = TypeKind::list;
    info.item.push_back(type_info<typename T::value_type>());
  } else if constexpr (IsMap<T>::value) {
    info.kind = TypeKind::map;
    info.item.push_back(type_info<typename T::mapped_type>());
  } else if constexpr (Described<T>) {
    info.kind = TypeKind::object;
    const T defaults{};
    for_each_field<T>([&](const auto& field) {
      using Member = std::remove_cvref_t<decltype(defaults.*field.member)>;
      FieldInfo member{.name = std::string(field.name),
                       .help = std::string(field.help),
                       .required = field.rule.required,
                       .type = type_info<Member>(),
                       .fallback = encode(defaults.*field.member)};
      member.type.rule.min = std::max(member.type.rule.min, field.rule.min);
      member.type.rule.max = std::min(member.type.rule.max, field.rule.max);
      info.members.push_back(std::move(member));
    });
  } else {
    info.kind = TypeKind::any;
  }
  return info;
}

// "a duration such as `500ms`", "one of `exit`, `fallback` and `unhealthy`"
std::string describe_type(const TypeInfo& type);

// JSON Schema (draft 2020-12) for the YAML or JSON form. In the YAML form durations and byte sizes
// are text with a unit; in the JSON form they are numbers.
enum class SchemaForm { yaml, json };
Json json_schema(const TypeInfo& type, SchemaForm form);

// A TypeInfo from a plugin's description: {"name": {"type": "integer", "help": ..., "default": ...,
// "min":, "max":, "choices": [...], "item": {...}}}. Bounded in depth and size by parse_json.
Result<std::vector<FieldInfo>> read_fields(const Json& json);
Json write_fields(const std::vector<FieldInfo>& fields);

}  // namespace runup
