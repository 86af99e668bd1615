// SPDX-License-Identifier: Apache-2.0
#include "config/bind_messages.h"

#include <algorithm>
#include <cstdint>
#include <format>
#include <span>

#include "base/text.h"
#include "config/key_path.h"
#include "config/scalar.h"

namespace runup {

namespace {

constexpr std::size_t kMostWords = 16;
constexpr std::size_t kShownKeys = 3;
constexpr std::size_t kShortestStart = 3;

// {path: ...}: the keys that must be there, or else the first two.
std::string object_example(const TypeInfo& type) {
  std::vector<std::string> keys;
  for (const FieldInfo& member : type.members) {
    if (member.required && keys.size() < kShownKeys) {
      keys.push_back(member.name + ": ...");
    }
  }
  if (keys.empty()) {
    for (const FieldInfo& member :
         std::span(type.members).first(std::min<std::size_t>(2, type.members.size()))) {
      keys.push_back(member.name + ": ...");
    }
  }
  return "{" + join(keys, ", ") + "}";
}

void collect_homes(const TypeInfo& type, std::string_view key, const std::string& path,
                   std::vector<std::string>& homes) {
  for (const FieldInfo& member : type.members) {
    if (member.name == key) {
      homes.push_back(path);
    }
    collect_homes(member.type, key, path.empty() ? member.name : path + "." + member.name, homes);
  }
  for (const TypeInfo& item : type.item) {
    collect_homes(item, key, path + (type.kind == TypeKind::list ? "[]" : ".NAME"), homes);
  }
  for (const TypeInfo& form : type.any_of) {
    collect_homes(form, key, path, homes);
  }
}

}  // namespace

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

bool is_number(const Seen& seen) {
  return std::holds_alternative<IntegerValue>(seen) || std::holds_alternative<NumberValue>(seen);
}

// Could a value that looks like `node` be meant for this form?
bool same_sort(const YamlNode& node, const TypeInfo& form) {
  const Seen seen = resolve(node);
  switch (form.kind) {
    case TypeKind::boolean:
      return std::holds_alternative<bool>(seen);
    case TypeKind::integer:
      return std::holds_alternative<IntegerValue>(seen);
    case TypeKind::number:
      return is_number(seen);
    case TypeKind::text:
    case TypeKind::choice:
    case TypeKind::duration:
    case TypeKind::byte_size:
      return std::holds_alternative<TextValue>(seen);
    case TypeKind::list:
      return node.kind == YamlKind::list;
    case TypeKind::map:
    case TypeKind::object:
      return node.kind == YamlKind::map;
    case TypeKind::any:
      break;
  }
  return true;
}

std::string_view quotes_hint(const YamlNode& node, const TypeInfo& type) {
  YamlNode bare{.kind = YamlKind::plain, .text = node.text};
  return node.kind == YamlKind::quoted && same_sort(bare, type) ? "remove the quotes" : "";
}

std::string_view truth_hint(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (lower == "yes" || lower == "on" || lower == "true") {
    return "write `true`";
  }
  return lower == "no" || lower == "off" || lower == "false" ? "write `false`" : "";
}

std::string named(std::string_view path) {
  return path.empty() ? "the config" : std::format("`{}`", last_part(path));
}

std::string expected_text(const TypeInfo& type) {
  switch (type.kind) {
    case TypeKind::list:
      return type.item.front().kind == TypeKind::object
                 ? std::format("a list such as `[{}]`", object_example(type.item.front()))
                 : "a list such as `[a, b]`";
    case TypeKind::map:
      return type.item.front().kind == TypeKind::object
                 ? std::format("a map such as `{{NAME: {}}}`", object_example(type.item.front()))
                 : "a map such as `{NAME: value}`";
    case TypeKind::object:
      return std::format("a map such as `{}`", object_example(type));
    case TypeKind::choice:
      return type.choices.size() == 1 ? std::format("`{}`", type.choices.front()) : describe_type(type);
    case TypeKind::any: {
      std::vector<std::string> forms;
      for (const TypeInfo& form : type.any_of) {
        forms.push_back(expected_text(form));
      }
      return forms.empty() ? "any value" : join(forms, ", or ");
    }
    default:
      return describe_type(type);
  }
}

std::string number_text(double value) {
  return std::fabs(value) < 1e15 && std::trunc(value) == value
             ? std::format("{}", static_cast<std::int64_t>(value))
             : std::format("{}", value);
}

std::optional<std::string> guess_word(std::string_view word, const std::vector<std::string>& known) {
  if (auto near = did_you_mean(word, known)) {
    return near;
  }
  const auto starts = [&](const std::string& candidate) { return candidate.starts_with(word); };
  if (word.size() >= kShortestStart && std::ranges::count_if(known, starts) == 1) {
    return *std::ranges::find_if(known, starts);
  }
  return std::nullopt;
}

std::string unknown_word(std::string_view what, std::string_view word,
                         const std::vector<std::string>& known) {
  std::string message = std::format("{} `{}`; ", what, shown(word));
  if (const auto guess = guess_word(word, known)) {
    return message + std::format("did you mean `{}`?", *guess);
  }
  if (known.empty()) {
    return message + "expected no key here";
  }
  return message +
         std::format("expected {}{}", known.size() == 1 ? "" : "one of ", join_quoted(known, kMostWords));
}

std::optional<std::string> home_of_key(const TypeInfo& type, std::string_view key) {
  std::vector<std::string> homes;
  collect_homes(type, key, "", homes);
  if (homes.size() != 1) {
    return std::nullopt;
  }
  return homes.front().empty() ? "at the top" : std::format("in `{}`", homes.front());
}

}  // namespace runup
