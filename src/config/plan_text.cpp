// SPDX-License-Identifier: Apache-2.0
#include "config/plan_text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <format>
#include <utility>
#include <vector>

#include "base/text.h"
#include "config/key_path.h"
#include "config/scalar.h"

namespace runup {

namespace {

// Comments stand in one column, unless a line is so long that all others would be far from theirs.
constexpr std::size_t kWidestAligned = 72;

// Exact, unlike format_duration(): the largest unit that gives a whole number.
std::string duration_text(Duration duration) {
  constexpr std::array<std::pair<std::string_view, std::int64_t>, 4> kUnits{
      {{"s", 1'000'000'000}, {"ms", 1'000'000}, {"us", 1'000}, {"ns", 1}}};
  for (const auto& [unit, nanoseconds] : kUnits) {
    if (duration.nanoseconds % nanoseconds == 0) {
      return std::format("{}{}", duration.nanoseconds / nanoseconds, unit);
    }
  }
  return {};
}

std::string byte_size_text(std::uint64_t bytes) {
  constexpr std::array<std::pair<std::string_view, std::uint64_t>, 4> kUnits{
      {{"GiB", 1U << 30U}, {"MiB", 1U << 20U}, {"KiB", 1U << 10U}, {"B", 1}}};
  for (const auto& [unit, size] : kUnits) {
    if (bytes % size == 0 && (bytes > 0 || size == 1)) {
      return std::format("{}{}", bytes / size, unit);
    }
  }
  return {};
}

std::string decoded(const Json& json) { return decode<std::string>(json).value_or(""); }

// The form of a value that may have several: the one that its JSON fits.
const TypeInfo* form_of(const Json& json, const TypeInfo& type) {
  for (const TypeInfo& form : type.any_of) {
    const bool map = form.kind == TypeKind::object || form.kind == TypeKind::map;
    if (map == json.is_object()) {
      return &form;
    }
  }
  return &type;
}

std::string scalar_text(const Json& json, const TypeInfo& type) {
  if (type.kind == TypeKind::duration) {
    return duration_text(decode<Duration>(json).value_or(Duration{}));
  }
  if (type.kind == TypeKind::byte_size) {
    return byte_size_text(decode<ByteSize>(json).value_or(ByteSize{}).bytes);
  }
  if (json.is_string()) {
    return yaml_text(decoded(json));
  }
  return json.is_structured() ? dump_json(json) : json.dump();
}

bool is_block(const Json& json, const TypeInfo& type) {
  if (json.is_object()) {
    return (type.kind == TypeKind::object || type.kind == TypeKind::map) && !json.empty();
  }
  return json.is_array() && type.kind == TypeKind::list && !json.empty() &&
         type.item.front().kind == TypeKind::object;
}

class Renderer {
 public:
  explicit Renderer(const Plan& plan) : plan_(plan) {}

  std::string render() {
    add_members(plan_.resolved, plan_.config_type, "", "");
    std::size_t column = 0;
    for (const auto& [line, comment] : lines_) {
      const std::size_t width = display_width(line);
      column = width <= kWidestAligned ? std::max(column, width) : column;
    }
    std::string text = std::format("# resolved from {}\n", printable(plan_.config_file));
    for (const auto& [line, comment] : lines_) {
      text += line;
      if (!comment.empty()) {
        const std::size_t width = display_width(line);
        text += std::string(width < column ? column - width : 0, ' ') + "  # " + comment;
      }
      text += '\n';
    }
    return text;
  }

 private:
  std::string origin(const std::string& path) const {
    const auto found = plan_.origins.find(path);
    return found == plan_.origins.end() ? "default" : found->second;
  }

  std::string comment(const std::string& path, const Json& value) const {
    const auto written = plan_.written_paths.find(path);
    const bool moved =
        written != plan_.written_paths.end() && value.is_string() && written->second != decoded(value);
    return origin(path) + (moved ? std::format(", `{}`", printable(written->second)) : "");
  }

  bool is_shown(const std::string& path, const Json& value) const {
    const bool empty = value.is_null() || value == "" || (value.is_structured() && value.empty());
    return !empty || origin(path) != "default";
  }

  // `lead` goes before the first line's key instead of its indentation ("  - ").
  void add_members(const Json& object, const TypeInfo& type, const std::string& path,
                   const std::string& indent, std::string lead = {}) {
    for (const auto& [encoded, value] : object.items()) {
      const std::string key = decode_text(encoded).value_or(encoded);
      const std::string own = child_path(path, key);
      if (is_shown(own, value)) {
        add_value(value, member_type(type, key), own, (lead.empty() ? indent : lead) + yaml_text(key) + ":",
                  indent);
        lead.clear();
      }
    }
    if (!lead.empty()) {
      lines_.emplace_back(lead + "{}", "");
    }
  }

  static TypeInfo member_type(const TypeInfo& type, const std::string& key) {
    if (type.kind == TypeKind::map) {
      return type.item.front();
    }
    const auto found = std::ranges::find(type.members, key, &FieldInfo::name);
    return found == type.members.end() ? TypeInfo{} : found->type;
  }

  void add_value(const Json& value, const TypeInfo& declared, const std::string& path,
                 const std::string& start, const std::string& indent) {
    const TypeInfo& type = declared.kind == TypeKind::any ? *form_of(value, declared) : declared;
    if (!is_block(value, type)) {
      lines_.emplace_back(start + " " + inline_text(value, type), comment(path, value));
      return;
    }
    lines_.emplace_back(start, "");
    if (value.is_object()) {
      add_members(value, type, path, indent + "  ");
      return;
    }
    for (std::size_t i = 0; i < value.size(); ++i) {
      add_members(value[i], type.item.front(), item_path(path, i), indent + "    ", indent + "  - ");
    }
  }

  static std::string inline_text(const Json& value, const TypeInfo& type) {
    if (value.is_array() && type.kind == TypeKind::list) {
      std::vector<std::string> items;
      for (const Json& item : value) {
        items.push_back(inline_text(item, type.item.front()));
      }
      return "[" + join(items, ", ") + "]";
    }
    return scalar_text(value, type.kind == TypeKind::any ? *form_of(value, type) : type);
  }

  const Plan& plan_;
  std::vector<std::pair<std::string, std::string>> lines_;
};

}  // namespace

std::string render_plan(const Plan& plan) { return Renderer(plan).render(); }

}  // namespace runup
