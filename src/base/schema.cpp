// SPDX-License-Identifier: Apache-2.0
#include "base/schema.h"

#include <cmath>
#include <format>

#include "base/text.h"

namespace runup {

namespace {

constexpr std::string_view kDurationPattern = R"(^\s*[0-9.]+(e[+-]?[0-9]+)?\s*(ns|us|ms|s|m|h)\s*$)";
constexpr std::string_view kByteSizePattern =
    R"(^\s*[0-9.]+(e[+-]?[0-9]+)?\s*(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)\s*$)";

// A bound as an integer where it is one, so that schemas and messages show `1`, not `1.0`.
Json bound(double value) {
  if (std::abs(value) < 9e15 && std::trunc(value) == value) {
    return static_cast<std::int64_t>(value);
  }
  return value;
}

void add_bounds(Json& schema, const Rule& rule, const char* lower, const char* upper) {
  if (std::isfinite(rule.min)) {
    schema[lower] = bound(rule.min);
  }
  if (std::isfinite(rule.max)) {
    schema[upper] = bound(rule.max);
  }
}

Json object_schema(const TypeInfo& type, SchemaForm form) {
  Json schema{{"type", "object"}, {"additionalProperties", form == SchemaForm::json}};
  Json properties = Json::object();
  Json required = Json::array();
  for (const FieldInfo& member : type.members) {
    Json own = json_schema(member.type, form);
    if (!member.help.empty()) {
      own["description"] = member.help;
    }
    const bool scalar = member.fallback.is_boolean() || member.fallback.is_number() ||
                        (member.fallback.is_string() && !member.fallback.empty());
    if (!member.required && scalar && form == SchemaForm::yaml && member.type.kind != TypeKind::duration &&
        member.type.kind != TypeKind::byte_size && member.fallback != "") {
      own["default"] = member.fallback;
    }
    properties[member.name] = std::move(own);
    if (member.required) {
      required.push_back(member.name);
    }
  }
  schema["properties"] = std::move(properties);
  if (!required.empty()) {
    schema["required"] = std::move(required);
  }
  return schema;
}

Json number_schema(const TypeInfo& type, SchemaForm form) {
  Json number{{"type", "number"}};
  add_bounds(number, type.rule, "minimum", "maximum");
  if (form == SchemaForm::yaml) {
    return number;
  }
  return Json{{"anyOf", Json::array({number, Json{{"enum", {"NaN", "Infinity", "-Infinity"}}}})}};
}

Result<TypeInfo> read_type(const Json& json);

// Options of plugins come from others: any mistake is named by the caller with the option's name.
Result<void> read_bounds(const Json& json, TypeInfo& type) {
  for (const auto& [key, target] : {std::pair{"min", &type.rule.min}, {"max", &type.rule.max}}) {
    if (const auto found = json.find(key); found != json.end()) {
      auto number = decode_number(*found);
      if (!number) {
        return wrap(number.error(), std::format("in `{}`", key));
      }
      *target = *number;
    }
  }
  return {};
}

Result<void> read_parts(const Json& json, TypeInfo& type) {
  if (type.kind == TypeKind::choice) {
    const auto found = json.find("choices");
    auto choices = found == json.end() ? Result<std::vector<std::string>>(std::vector<std::string>{})
                                       : decode<std::vector<std::string>>(*found);
    if (!choices || choices->empty()) {
      return fail(ErrorCode::bad_input, "a `choice` needs a list `choices` of words");
    }
    type.choices = std::move(*choices);
  }
  if (type.kind == TypeKind::list || type.kind == TypeKind::map) {
    const auto found = json.find("item");
    if (found == json.end()) {
      return fail(ErrorCode::bad_input, "a `list` or `map` needs `item`");
    }
    auto item = read_type(*found);
    if (!item) {
      return wrap(item.error(), "in `item`");
    }
    type.item.push_back(std::move(*item));
  }
  if (type.kind == TypeKind::object) {
    const auto found = json.find("members");
    if (found == json.end()) {
      return fail(ErrorCode::bad_input, "an `object` needs `members`");
    }
    auto members = read_fields(*found);
    if (!members) {
      return wrap(members.error(), "in `members`");
    }
    type.members = std::move(*members);
  }
  return {};
}

Result<TypeInfo> read_type(const Json& json) {
  if (!json.is_object() || !json.contains("type")) {
    return fail(ErrorCode::bad_input, "expected an object with `type`");
  }
  TypeInfo type;
  if (auto kind = decode_into(json["type"], type.kind); !kind) {
    std::vector<std::string> names;
    for (const auto& [value, name] : enum_names(TypeKind{})) {
      names.emplace_back(name);
    }
    return wrap(kind.error(), "`type` is one of " + join_quoted(names, names.size()));
  }
  if (auto bounds = read_bounds(json, type); !bounds) {
    return std::unexpected(bounds.error());
  }
  if (auto parts = read_parts(json, type); !parts) {
    return std::unexpected(parts.error());
  }
  return type;
}

Json write_type(const TypeInfo& type) {
  Json json{{"type", std::string(enum_name(type.kind))}};
  add_bounds(json, type.rule, "min", "max");
  if (!type.choices.empty()) {
    json["choices"] = type.choices;
  }
  if (!type.item.empty()) {
    json["item"] = write_type(type.item.front());
  }
  if (type.kind == TypeKind::object) {
    json["members"] = write_fields(type.members);
  }
  return json;
}

}  // namespace

std::string describe_type(const TypeInfo& type) {
  switch (type.kind) {
    case TypeKind::boolean:
      return "`true` or `false`";
    case TypeKind::integer:
      return "an integer";
    case TypeKind::number:
      return "a number";
    case TypeKind::text:
      return "text";
    case TypeKind::duration:
      return "a duration such as `500ms`";
    case TypeKind::byte_size:
      return "a size such as `512MiB`";
    case TypeKind::choice:
      return "one of " + join_quoted(type.choices, type.choices.size());
    case TypeKind::list:
      return "a list, each item " + describe_type(type.item.front());
    case TypeKind::map:
      return "a map of names, each value " + describe_type(type.item.front());
    case TypeKind::object: {
      std::vector<std::string> names;
      for (const FieldInfo& member : type.members) {
        names.push_back(member.name);
      }
      return names.empty() ? "a map without keys" : "a map with the keys " + join_quoted(names, 12);
    }
    case TypeKind::any:
      break;
  }
  std::string text;
  for (const TypeInfo& form : type.any_of) {
    text += (text.empty() ? "" : " or ") + describe_type(form);
  }
  return text.empty() ? "any value" : text;
}

Json json_schema(const TypeInfo& type, SchemaForm form) {
  switch (type.kind) {
    case TypeKind::boolean:
      return Json{{"type", "boolean"}};
    case TypeKind::integer: {
      Json schema{{"type", "integer"}};
      add_bounds(schema, type.rule, "minimum", "maximum");
      return schema;
    }
    case TypeKind::number:
      return number_schema(type, form);
    case TypeKind::text: {
      Json schema{{"type", "string"}};
      add_bounds(schema, type.rule, "minLength", "maxLength");
      return schema;
    }
    case TypeKind::duration:
      return form == SchemaForm::yaml ? Json{{"type", "string"}, {"pattern", kDurationPattern}}
                                      : Json{{"type", "number"}};
    case TypeKind::byte_size:
      return form == SchemaForm::yaml ? Json{{"type", "string"}, {"pattern", kByteSizePattern}}
                                      : Json{{"type", "integer"}, {"minimum", 0}};
    case TypeKind::choice:
      return Json{{"enum", type.choices}};
    case TypeKind::list: {
      Json schema{{"type", "array"}, {"items", json_schema(type.item.front(), form)}};
      add_bounds(schema, type.rule, "minItems", "maxItems");
      return schema;
    }
    case TypeKind::map:
      return Json{{"type", "object"}, {"additionalProperties", json_schema(type.item.front(), form)}};
    case TypeKind::object:
      return object_schema(type, form);
    case TypeKind::any:
      break;
  }
  Json schema = Json::object();
  for (const TypeInfo& one : type.any_of) {
    schema["anyOf"].push_back(json_schema(one, form));
  }
  return schema;
}

Result<std::vector<FieldInfo>> read_fields(const Json& json) {
  if (!json.is_object()) {
    return fail(ErrorCode::bad_input, "options are an object of names");
  }
  std::vector<FieldInfo> fields;
  for (const auto& [name, description] : json.items()) {
    auto type = read_type(description);
    if (!type) {
      return wrap(type.error(), std::format("in option `{}`", name));
    }
    FieldInfo field{
        .name = name, .help = "", .required = false, .type = std::move(*type), .fallback = nullptr};
    if (description.contains("help") && description["help"].is_string()) {
      field.help = description["help"];
    }
    if (description.contains("required") && description["required"].is_boolean()) {
      field.required = description["required"];
    }
    if (description.contains("default")) {
      field.fallback = description["default"];
    }
    fields.push_back(std::move(field));
  }
  return fields;
}

Json write_fields(const std::vector<FieldInfo>& fields) {
  Json json = Json::object();
  for (const FieldInfo& field : fields) {
    Json own = write_type(field.type);
    if (!field.help.empty()) {
      own["help"] = field.help;
    }
    if (field.required) {
      own["required"] = true;
    } else if (!field.fallback.is_null()) {
      own["default"] = field.fallback;
    }
    json[field.name] = std::move(own);
  }
  return json;
}

}  // namespace runup
