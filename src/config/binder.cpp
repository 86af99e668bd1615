// SPDX-License-Identifier: Apache-2.0
#include "config/binder.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <format>
#include <set>
#include <utility>

#include "base/text.h"
#include "config/bind_messages.h"
#include "config/key_path.h"
#include "config/scalar.h"

namespace runup {

namespace {

bool outside(const Rule& rule, double value) { return value < rule.min || value > rule.max; }

class Binder {
 public:
  explicit Binder(const TypeInfo& root) : root_(root) {}

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
        return type.any_of.empty() ? free_value(node, path) : bind_any(node, type, path, key);
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
    const bool empty = std::holds_alternative<NullValue>(resolve(node));
    const bool is_container =
        type.kind == TypeKind::object || type.kind == TypeKind::map || type.kind == TypeKind::list;
    return complain(node.place,
                    std::format("{} {}; expected {}{}", named(path),
                                empty ? "has no value" : "is " + describe_seen(node), expected_text(type),
                                empty && is_container ? ", or no key"
                                : hint.empty()        ? ""
                                                      : std::format(" ({})", hint)));
  }

  // Complains when `value` breaks the type's rule; `seen` is the value in words.
  template <class Show>
  bool breaks_rule(const YamlNode& node, const TypeInfo& type, const std::string& path, double value,
                   const std::string& seen, const Show& show) {
    if (!outside(type.rule, value)) {
      return false;
    }
    complain(node.place,
             std::format("{} {}; expected {}", named(path), seen, bounds_text(type.rule, value, show)));
    return true;
  }

  Json bind_boolean(const YamlNode& node, const TypeInfo& type, const std::string& path) {
    const Seen seen = resolve(node);
    if (const bool* value = std::get_if<bool>(&seen)) {
      return *value;
    }
    return wrong_type(node, type, path, truth_hint(node.text));
  }

  Json bind_integer(const YamlNode& node, const TypeInfo& type, const std::string& path) {
    const Seen seen = resolve(node);
    const auto* integer = std::get_if<IntegerValue>(&seen);
    if (integer == nullptr) {
      return wrong_type(node, type, path, quotes_hint(node, type));
    }
    if (integer->leading_zero) {
      return complain(node.place, std::format("{} is `{}`, which some readers of YAML take for octal; "
                                              "expected an integer without leading zeros",
                                              named(path), shown(node.text)));
    }
    if (!integer->fits) {
      return complain(node.place, std::format("{} is {}; expected an integer of at most 64 bits", named(path),
                                              shown(node.text)));
    }
    const bool bad = breaks_rule(node, type, path, static_cast<double>(integer->value),
                                 "is " + shown(node.text), number_text);
    return bad ? Json(nullptr) : Json(integer->value);
  }

  Json bind_number(const YamlNode& node, const TypeInfo& type, const std::string& path) {
    const Seen seen = resolve(node);
    if (!is_number(seen)) {
      return wrong_type(node, type, path, quotes_hint(node, type));
    }
    const auto* integer = std::get_if<IntegerValue>(&seen);
    const double value =
        integer != nullptr ? static_cast<double>(integer->value) : std::get<NumberValue>(seen).value;
    if (!std::isfinite(value) || (integer != nullptr && !integer->fits)) {
      return complain(node.place, std::format("{} is `{}`; expected a finite number of usual size",
                                              named(path), shown(node.text)));
    }
    const bool bad = breaks_rule(node, type, path, value, "is " + shown(node.text), number_text);
    return bad ? Json(nullptr) : Json(value);
  }

  // The text that a scalar spells, or null after a complaint.
  const std::string* text_of(const YamlNode& node, const TypeInfo& type, const std::string& path) {
    // A shell takes quotes away, so what `--set` gives for text is text whatever it looks like.
    const bool from_shell =
        node.place.source != 0 && node.kind != YamlKind::list && node.kind != YamlKind::map;
    if (!from_shell && !std::holds_alternative<TextValue>(resolve(node))) {
      const bool quotable = type.kind == TypeKind::text && node.kind == YamlKind::plain && !node.text.empty();
      wrong_type(node, type, path, quotable ? std::format("write `\"{}\"`", shown(node.text)) : "");
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
    if (text->empty() && type.rule.min > 0) {
      return complain(node.place, std::format("{} is empty; expected text", named(path)));
    }
    const bool bad = breaks_rule(node, type, path, static_cast<double>(length),
                                 "has " + count_of(length, "character", "characters"), number_text);
    return bad ? Json(nullptr) : Json(encode_text(*text));
  }

  // True after a complaint about a value that cannot have a unit.
  bool lacks_unit(const YamlNode& node, const TypeInfo& type, const std::string& path, std::string_view what,
                  std::string_view large, std::string_view small) {
    const Seen seen = resolve(node);
    if (is_number(seen)) {
      complain(node.place,
               std::format("{0} is `{1}` without a unit; expected {2} such as `{1}{3}` or `{1}{4}`",
                           named(path), shown(node.text), what, large, small));
      return true;
    }
    if (!std::holds_alternative<TextValue>(seen)) {
      wrong_type(node, type, path);
      return true;
    }
    return false;
  }

  Json bind_duration(const YamlNode& node, const TypeInfo& type, const std::string& path) {
    if (lacks_unit(node, type, path, "a duration", "s", "ms")) {
      return nullptr;
    }
    const auto duration = parse_duration(node.text);
    if (!duration) {
      return complain(node.place, std::format("{}: {}", named(path), printable(duration.error().message)));
    }
    const auto show = [](double seconds) { return format_duration(Duration::from_seconds(seconds)); };
    const bool bad = breaks_rule(node, type, path, duration->seconds(), "is " + shown(node.text), show);
    return bad ? Json(nullptr) : encode(*duration);
  }

  Json bind_byte_size(const YamlNode& node, const TypeInfo& type, const std::string& path) {
    if (lacks_unit(node, type, path, "a size", "MiB", "B")) {
      return nullptr;
    }
    const auto size = parse_byte_size(node.text);
    if (!size) {
      return complain(node.place, std::format("{}: {}", named(path), printable(size.error().message)));
    }
    const auto show = [](double bytes) {
      return format_bytes(static_cast<std::uint64_t>(std::fmax(bytes, 0)));
    };
    const bool bad =
        breaks_rule(node, type, path, static_cast<double>(size->bytes), "is " + shown(node.text), show);
    return bad ? Json(nullptr) : encode(*size);
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

  bool breaks_count(const YamlNode& node, const TypeInfo& type, const std::string& path, std::size_t count,
                    std::string_view one, std::string_view many) {
    return breaks_rule(node, type, path, static_cast<double>(count),
                       count == 0 ? "is empty" : "has " + count_of(count, one, many), number_text);
  }

  Json bind_list(const YamlNode& node, const TypeInfo& type, const std::string& path) {
    if (node.kind != YamlKind::list) {
      return wrong_type(node, type, path);
    }
    if (breaks_count(node, type, path, node.items.size(), "item", "items")) {
      return nullptr;
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
      complain(entry.place,
               std::format(
                   "duplicate key `{}`; first given {}", shown(entry.key),
                   first->second.line == 0 ? "by `--set`" : std::format("on line {}", first->second.line)));
    }
    return !is_new;
  }

  Json bind_map(const YamlNode& node, const TypeInfo& type, const std::string& path) {
    if (node.kind != YamlKind::map) {
      return wrong_type(node, type, path);
    }
    if (breaks_count(node, type, path, node.entries.size(), "entry", "entries")) {
      return nullptr;
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

  // Complains about a key that the object does not have; returns the one that was meant.
  std::string unknown_key(const YamlEntry& entry, const TypeInfo& type) {
    std::vector<std::string> known;
    for (const FieldInfo& field : type.members) {
      known.push_back(field.name);
    }
    auto guess = guess_word(entry.key, known);
    const auto home = guess ? std::nullopt : home_of_key(root_, entry.key);
    complain(entry.place, home ? std::format("unknown key `{}` here; expected it {}", shown(entry.key), *home)
                               : unknown_word("unknown key", entry.key, known));
    return guess.value_or("");
  }

  Json bind_object(const YamlNode& node, const TypeInfo& type, const std::string& path, const Place& key) {
    if (node.kind != YamlKind::map) {
      return wrong_type(node, type, path);
    }
    std::map<std::string, Json> given;
    std::map<std::string, Place> seen;
    std::set<std::string> misspelt;
    for (const YamlEntry& entry : node.entries) {
      if (is_duplicate(entry, seen)) {
        continue;
      }
      const auto member = std::ranges::find(type.members, entry.key, &FieldInfo::name);
      if (member == type.members.end()) {
        misspelt.insert(unknown_key(entry, type));
      } else {
        given[entry.key] = bind(entry.value, member->type, child_path(path, entry.key), entry.place);
      }
    }
    Json object = Json::object();
    for (const FieldInfo& member : type.members) {
      if (const auto found = given.find(member.name); found != given.end()) {
        object[member.name] = std::move(found->second);
      } else if (!member.required) {
        if (!member.fallback.is_null()) {
          object[member.name] = member.fallback;
        }
      } else if (!misspelt.contains(member.name)) {
        complain(key,
                 std::format("{} has no key `{}`{}", path.empty() ? "the config" : std::format("`{}`", path),
                             member.name, member.help.empty() ? "" : std::format(" ({})", member.help)));
      }
    }
    return object;
  }

  // The first form that takes the value without a complaint; else the complaints of the form that
  // the value looks like.
  Json bind_any(const YamlNode& node, const TypeInfo& type, const std::string& path, const Place& key) {
    const TypeInfo* likely = nullptr;
    for (const TypeInfo& form : type.any_of) {
      Binder attempt(root_);
      Json value = attempt.bind(node, form, path, key);
      if (attempt.out_.diagnostics.empty()) {
        out_.written.merge(attempt.out_.written);
        return value;
      }
      if (likely == nullptr && same_sort(node, form)) {
        likely = &form;
      }
    }
    // A word that is none of a choice's may have been meant for another form.
    const bool stray =
        likely != nullptr && likely->kind == TypeKind::choice && !guess_word(node.text, likely->choices);
    return likely == nullptr || stray ? wrong_type(node, type, path) : bind(node, *likely, path, key);
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

  const TypeInfo& root_;
  Bound out_;
};

}  // namespace

Bound bind(const YamlNode& root, const TypeInfo& type) {
  Binder binder(type);
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

}  // namespace runup
