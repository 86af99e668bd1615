// SPDX-License-Identifier: Apache-2.0
#include "config/binder.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <format>
#include <set>
#include <utility>

#include "base/text.h"
#include "config/key_path.h"
#include "config/scalar.h"

namespace runup {

namespace {

std::string named(std::string_view path) {
  return path.empty() ? "the config" : std::format("`{}`", last_part(path));
}

// "at least 1", "at most 2", "1 to 10", "1"; `show` prints a bound.
template <class Show>
std::string bounds_text(const Rule& rule, Show&& show) {
  if (rule.min == rule.max) {
    return show(rule.min);
  }
  if (std::isinf(rule.max)) {
    return "at least " + show(rule.min);
  }
  if (std::isinf(rule.min)) {
    return "at most " + show(rule.max);
  }
  return show(rule.min) + " to " + show(rule.max);
}

std::string plain_number(double value) {
  return std::fabs(value) < 1e15 && std::trunc(value) == value
             ? std::format("{}", static_cast<std::int64_t>(value))
             : std::format("{}", value);
}

bool outside(const Rule& rule, double value) {
  return value < rule.min || value > rule.max;
}

// What is expected, as short as it can be said.
std::string expected(const TypeInfo& type) {
  switch (type.kind) {
    case TypeKind::list:
      return type.item.front().kind == TypeKind::object ? "a list of maps (each item starts with `- `)"
                                                        : "a list such as `[a, b]`";
    case TypeKind::map:
      return type.item.front().kind == TypeKind::object ? "a map from names to maps"
                                                        : "a map from names to values";
    default:
      return describe_type(type);
  }
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
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
      return std::holds_alternative<IntegerValue>(seen) || std::holds_alternative<NumberValue>(seen);
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
      return true;
  }
  return true;
}

class Binder {
 public:
  Json bind(const YamlNode& node, const TypeInfo& type, const std::string& path, const Place& key) {
    out_.written[path] = {.key = key, .value = node.place};
    switch (type.kind) {
      case TypeKind::boolean:
        return bind_boolean(node, type, path);
      case TypeKind::integer:
        return bind_integer(node, type, path);
      case TypeKind::number:
        return bind_number(node, type, path);
      case TypeKind::text:
        return bind_text(node, type, path);
      case TypeKind::duration:
        return bind_duration(node, type, path);
      case TypeKind::byte_size:
        return bind_byte_size(node, type, path);
      case TypeKind::choice:
        return bind_choice(node, type, path);
      case TypeKind::list:
        return bind_list(node, type, path);
      case TypeKind::map:
        return bind_map(node, type, path);
      case TypeKind::object:
        return bind_object(node, type, path, key);
      case TypeKind::any:
        return bind_any(node, type, path, key);
    }
    return nullptr;
  }

  Bound take(Json value) {
    out_.value = std::move(value);
    return std::move(out_);
  }

 private:
  Json complain(const Place& place, std::string message) {
    out_.diagnostics.push_back({place, std::move(message)});
    return nullptr;
  }

  Json wrong_type(const YamlNode& node, const TypeInfo& type, const std::string& path,
                  std::string_view hint = {}) {
    if (std::holds_alternative<NullValue>(resolve(node))) {
      return complain(node.place, std::format("{} has no value; expected {}, or leave the key out",
                                              named(path), expected(type)));
    }
    return complain(node.place, std::format("{} is {}; expected {}{}", named(path), describe_seen(node),
                                            expected(type), hint.empty() ? "" : std::format(" ({})", hint)));
  }

  Json bind_boolean(const YamlNode& node, const TypeInfo& type, const std::string& path) {
    const Seen seen = resolve(node);
    if (const bool* value = std::get_if<bool>(&seen)) {
      return *value;
    }
    std::string lower = node.text;
    std::ranges::transform(lower, lower.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    const bool yes = lower == "yes" || lower == "on" || lower == "true";
    const bool no = lower == "no" || lower == "off" || lower == "false";
    return wrong_type(node, type, path, yes ? "write `true`" : no ? "write `false`" : "");
  }

  Json bind_integer(const YamlNode& node, const TypeInfo& type, const std::string& path) {
    const Seen seen = resolve(node);
    const auto* integer = std::get_if<IntegerValue>(&seen);
    if (integer == nullptr) {
      return wrong_type(node, type, path, quotes_hint(node, type));
    }
    if (integer->leading_zero) {
      return complain(
          node.place,
          std::format(
              "{} is `{}`, which is octal to some readers of YAML; expected an integer without leading zeros",
              named(path), shown(node.text)));
    }
    if (!integer->fits || outside(type.rule, static_cast<double>(integer->value))) {
      return complain(node.place, std::format("{} is {}; expected {}", named(path), shown(node.text),
                                              std::isinf(type.rule.min) && std::isinf(type.rule.max)
                                                  ? "an integer of at most 64 bits"
                                                  : bounds_text(type.rule, plain_number)));
    }
    return integer->value;
  }

  Json bind_number(const YamlNode& node, const TypeInfo& type, const std::string& path) {
    const Seen seen = resolve(node);
    double value = 0;
    if (const auto* integer = std::get_if<IntegerValue>(&seen); integer != nullptr && integer->fits) {
      value = static_cast<double>(integer->value);
    } else if (const auto* number = std::get_if<NumberValue>(&seen)) {
      value = number->value;
    } else {
      return wrong_type(node, type, path, quotes_hint(node, type));
    }
    if (!std::isfinite(value)) {
      return complain(node.place,
                      std::format("{} is `{}`; expected a finite number", named(path), shown(node.text)));
    }
    if (outside(type.rule, value)) {
      return complain(node.place, std::format("{} is {}; expected {}", named(path), shown(node.text),
                                              bounds_text(type.rule, plain_number)));
    }
    return value;
  }

  // The text that a scalar spells, or null after a complaint.
  const std::string* text_of(const YamlNode& node, const TypeInfo& type, const std::string& path) {
    if (!std::holds_alternative<TextValue>(resolve(node))) {
      wrong_type(node, type, path,
                 node.kind == YamlKind::plain && !node.text.empty()
                     ? std::format("write `\"{}\"`", shown(node.text))
                     : "");
      return nullptr;
    }
    if (node.text.find('\0') != std::string::npos) {
      complain(node.place, std::format("{} holds a NUL character; expected text without it", named(path)));
      return nullptr;
    }
    return &node.text;
  }

  Json bind_text(const YamlNode& node, const TypeInfo& type, const std::string& path) {
    const std::string* text = text_of(node, type, path);
    if (text == nullptr) {
      return nullptr;
    }
    const std::size_t length = characters(*text);
    if (outside(type.rule, static_cast<double>(length))) {
      if (text->empty()) {
        return complain(node.place, std::format("{} is empty; expected text", named(path)));
      }
      return complain(node.place, std::format("{} has {}; expected {}", named(path),
                                              count_of(length, "character", "characters"),
                                              bounds_text(type.rule, plain_number)));
    }
    return encode_text(*text);
  }

  Json bind_duration(const YamlNode& node, const TypeInfo& type, const std::string& path) {
    const Seen seen = resolve(node);
    if (std::holds_alternative<IntegerValue>(seen) || std::holds_alternative<NumberValue>(seen)) {
      return complain(
          node.place,
          std::format("{0} is `{1}` without a unit; expected a duration such as `{1}s` or `{1}ms`",
                      named(path), shown(node.text)));
    }
    if (!std::holds_alternative<TextValue>(seen)) {
      return wrong_type(node, type, path);
    }
    const auto duration = parse_duration(node.text);
    if (!duration) {
      return complain(node.place, std::format("{}: {}", named(path), printable(duration.error().message)));
    }
    const auto show = [](double seconds) { return format_duration(Duration::from_seconds(seconds)); };
    if (outside(type.rule, duration->seconds())) {
      return complain(node.place, std::format("{} is {}; expected {}", named(path), shown(node.text),
                                              bounds_text(type.rule, show)));
    }
    return encode(*duration);
  }

  Json bind_byte_size(const YamlNode& node, const TypeInfo& type, const std::string& path) {
    const Seen seen = resolve(node);
    if (std::holds_alternative<IntegerValue>(seen) || std::holds_alternative<NumberValue>(seen)) {
      return complain(node.place,
                      std::format("{0} is `{1}` without a unit; expected a size such as `{1}MiB` or `{1}B`",
                                  named(path), shown(node.text)));
    }
    if (!std::holds_alternative<TextValue>(seen)) {
      return wrong_type(node, type, path);
    }
    const auto size = parse_byte_size(node.text);
    if (!size) {
      return complain(node.place, std::format("{}: {}", named(path), printable(size.error().message)));
    }
    const auto show = [](double bytes) {
      return format_bytes(static_cast<std::uint64_t>(std::fmax(bytes, 0)));
    };
    if (outside(type.rule, static_cast<double>(size->bytes))) {
      return complain(node.place, std::format("{} is {}; expected {}", named(path), shown(node.text),
                                              bounds_text(type.rule, show)));
    }
    return encode(*size);
  }

  Json bind_choice(const YamlNode& node, const TypeInfo& type, const std::string& path) {
    const std::string* text = text_of(node, type, path);
    if (text == nullptr) {
      return nullptr;
    }
    if (std::ranges::find(type.choices, *text) == type.choices.end()) {
      return complain(node.place, unknown_word(named(path) + " is", *text, type.choices));
    }
    return *text;
  }

  Json bind_list(const YamlNode& node, const TypeInfo& type, const std::string& path) {
    if (node.kind != YamlKind::list) {
      return wrong_type(node, type, path);
    }
    if (outside(type.rule, static_cast<double>(node.items.size()))) {
      return complain(node.place, std::format("{} has {}; expected {}", named(path),
                                              count_of(node.items.size(), "item", "items"),
                                              bounds_text(type.rule, plain_number)));
    }
    Json list = Json::array();
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      list.push_back(bind(node.items[i], type.item.front(), item_path(path, i), node.items[i].place));
    }
    return list;
  }

  // True, after a complaint, when `entry` repeats a key of the same map.
  bool is_duplicate(const YamlEntry& entry, std::map<std::string, Place>& seen) {
    const auto [first, is_new] = seen.emplace(entry.key, entry.place);
    if (!is_new) {
      complain(entry.place, std::format("duplicate key `{}`; first given on line {}", shown(entry.key),
                                        first->second.line));
    }
    return !is_new;
  }

  Json bind_map(const YamlNode& node, const TypeInfo& type, const std::string& path) {
    if (node.kind != YamlKind::map) {
      return wrong_type(node, type, path);
    }
    if (outside(type.rule, static_cast<double>(node.entries.size()))) {
      return complain(node.place, std::format("{} has {}; expected {}", named(path),
                                              count_of(node.entries.size(), "entry", "entries"),
                                              bounds_text(type.rule, plain_number)));
    }
    Json map = Json::object();
    std::map<std::string, Place> seen;
    for (const YamlEntry& entry : node.entries) {
      if (!is_duplicate(entry, seen)) {
        map[encode_text(entry.key)] =
            bind(entry.value, type.item.front(), child_path(path, entry.key), entry.place);
      }
    }
    return map;
  }

  Json bind_object(const YamlNode& node, const TypeInfo& type, const std::string& path, const Place& key) {
    if (node.kind != YamlKind::map) {
      return wrong_type(node, type, path);
    }
    std::map<std::string, Json> given;
    std::map<std::string, Place> seen;
    for (const YamlEntry& entry : node.entries) {
      if (is_duplicate(entry, seen)) {
        continue;
      }
      const auto member = std::ranges::find(type.members, entry.key, &FieldInfo::name);
      if (member == type.members.end()) {
        std::vector<std::string> known;
        for (const FieldInfo& field : type.members) {
          known.push_back(field.name);
        }
        complain(entry.place, unknown_word("unknown key", entry.key, known));
        continue;
      }
      given[entry.key] = bind(entry.value, member->type, child_path(path, entry.key), entry.place);
    }
    Json object = Json::object();
    for (const FieldInfo& member : type.members) {
      if (const auto found = given.find(member.name); found != given.end()) {
        object[member.name] = std::move(found->second);
      } else if (member.required) {
        complain(key, missing_key(path, member));
      } else if (!member.fallback.is_null()) {
        object[member.name] = member.fallback;
      }
    }
    return object;
  }

  static std::string missing_key(const std::string& path, const FieldInfo& member) {
    return std::format("{} has no key `{}`; expected {}",
                       path.empty() ? "the config" : std::format("`{}`", path), member.name,
                       member.help.empty() ? expected(member.type) : "it to give " + member.help);
  }

  // The first form that takes the value without a complaint; else the complaints of the form that
  // the value looks like.
  Json bind_any(const YamlNode& node, const TypeInfo& type, const std::string& path, const Place& key) {
    if (type.any_of.empty()) {
      return free_value(node, path);
    }
    const TypeInfo* likely = nullptr;
    for (const TypeInfo& form : type.any_of) {
      Binder attempt;
      Json value = attempt.bind(node, form, path, key);
      if (attempt.out_.diagnostics.empty()) {
        out_.written.merge(attempt.out_.written);
        return value;
      }
      if (likely == nullptr && same_sort(node, form)) {
        likely = &form;
      }
    }
    return likely != nullptr ? bind(node, *likely, path, key) : wrong_type(node, type, path);
  }

  // A value of no declared type: what YAML says that it is.
  Json free_value(const YamlNode& node, const std::string& path) {
    const Seen seen = resolve(node);
    if (const bool* truth = std::get_if<bool>(&seen)) {
      return *truth;
    }
    if (const auto* integer = std::get_if<IntegerValue>(&seen); integer != nullptr && integer->fits) {
      return integer->value;
    }
    if (const auto* number = std::get_if<NumberValue>(&seen)) {
      return encode_number(number->value);
    }
    if (node.kind == YamlKind::list) {
      Json list = Json::array();
      for (const YamlNode& item : node.items) {
        list.push_back(free_value(item, path));
      }
      return list;
    }
    if (node.kind == YamlKind::map) {
      Json map = Json::object();
      std::map<std::string, Place> keys;
      for (const YamlEntry& entry : node.entries) {
        if (!is_duplicate(entry, keys)) {
          map[encode_text(entry.key)] = free_value(entry.value, path);
        }
      }
      return map;
    }
    return node.kind == YamlKind::null ? Json(nullptr) : Json(encode_text(node.text));
  }

  static std::string_view quotes_hint(const YamlNode& node, const TypeInfo& type) {
    YamlNode bare = node;
    bare.kind = YamlKind::plain;
    return node.kind == YamlKind::quoted && same_sort(bare, type) ? "remove the quotes" : "";
  }

  Bound out_;
};

}  // namespace

Bound bind(const YamlNode& root, const TypeInfo& type) {
  Binder binder;
  Json value = binder.bind(root, type, "", {.source = root.place.source, .line = 1, .column = 1});
  return binder.take(std::move(value));
}

Json default_object(const std::vector<FieldInfo>& members) {
  Json object = Json::object();
  for (const FieldInfo& member : members) {
    if (!member.fallback.is_null()) {
      object[member.name] = member.fallback;
    }
  }
  return object;
}

std::string unknown_word(std::string_view what, std::string_view word,
                         const std::vector<std::string>& known) {
  std::string message = std::format("{} `{}`", what, shown(word));
  if (const auto guess = did_you_mean(word, known)) {
    return message + std::format("; did you mean `{}`?", *guess);
  }
  return known.empty() ? message + "; expected none here"
                       : message + std::format("; expected {}{}", known.size() == 1 ? "" : "one of ",
                                               join_quoted(known, 12));
}

}  // namespace runup
