// SPDX-License-Identifier: Apache-2.0
#include "artifact/text_labels.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <format>
#include <optional>

#include "artifact/index_map.h"
#include "artifact/label_lists.h"
#include "base/codec.h"
#include "base/text.h"

namespace runup::artifact {

namespace {

constexpr std::size_t kMostBytes = std::size_t{16} << 20U;
constexpr std::size_t kMostLists = 1000;
constexpr int kDeepest = 4;

using Entries = std::vector<std::pair<std::int64_t, std::string>>;

std::optional<std::int64_t> read_index(std::string_view text) {
  std::int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  return !text.empty() && parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size()
             ? std::optional(value)
             : std::nullopt;
}

LabelListFacts map_facts(std::string path, LabelListKind kind, std::string type, Entries entries) {
  IndexMap map = order_by_index(std::move(entries));
  return {.path = std::move(path),
          .kind = kind,
          .type = std::move(type),
          .classes = std::move(map.names),
          .dtype = "str",
          .sklearn_version = {},
          .problem = std::move(map.problem)};
}

// The member with the first of these names that is there, or null.
const Json* member(const Json& object, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (const auto found = object.find(name); found != object.end()) {
      return &*found;
    }
  }
  return nullptr;
}

class JsonLabels {
 public:
  explicit JsonLabels(ArtifactFacts& facts) : facts_(facts) {}

  void look(const Json& json, const std::string& path, int depth) {
    if (facts_.label_lists.size() >= kMostLists || json.size() > kMostClasses) {
      return;
    }
    if (json.is_array()) {
      if (auto list = list_of_texts(json, path)) {
        facts_.label_lists.push_back(std::move(*list));
      } else {
        take(list_of_objects(json), path, LabelListKind::index_to_name, "list");
      }
    } else if (json.is_object() && !take(index_to_name(json), path, LabelListKind::index_to_name, "dict") &&
               !take(name_to_index(json), path, LabelListKind::name_to_index, "dict") && depth < kDeepest) {
      for (const auto& [key, value] : json.items()) {
        look(value, path.empty() ? key : std::format("{}.{}", path, key), depth + 1);
      }
    }
  }

 private:
  bool take(std::optional<Entries> entries, const std::string& path, LabelListKind kind, const char* type) {
    if (!entries || entries->empty()) {
      return false;
    }
    LabelListFacts list = map_facts(path, kind, type, std::move(*entries));
    // Numbers deep in a document are usually no indices.
    if (!list.problem.empty() && !path.empty()) {
      return false;
    }
    facts_.label_lists.push_back(std::move(list));
    return true;
  }

  static std::optional<LabelListFacts> list_of_texts(const Json& json, const std::string& path) {
    if (json.empty() || !std::ranges::all_of(json, [](const Json& item) { return item.is_string(); })) {
      return std::nullopt;
    }
    LabelListFacts list{.path = path, .kind = LabelListKind::list, .type = "list", .dtype = "str"};
    for (const Json& item : json) {
      list.classes.push_back(item.get<std::string>());
    }
    return list;
  }

  static std::optional<Entries> list_of_objects(const Json& json) {
    Entries entries;
    for (const Json& item : json) {
      const Json* index = item.is_object() ? member(item, {"id", "index"}) : nullptr;
      const Json* name = item.is_object() ? member(item, {"name", "label"}) : nullptr;
      if (index == nullptr || name == nullptr || !index->is_number_integer() || !name->is_string()) {
        return std::nullopt;
      }
      entries.emplace_back(index->get<std::int64_t>(), name->get<std::string>());
    }
    return entries;
  }

  static std::optional<Entries> index_to_name(const Json& json) {
    Entries entries;
    for (const auto& [key, value] : json.items()) {
      const auto index = read_index(key);
      if (!index || !value.is_string()) {
        return std::nullopt;
      }
      entries.emplace_back(*index, value.get<std::string>());
    }
    return entries;
  }

  static std::optional<Entries> name_to_index(const Json& json) {
    Entries entries;
    for (const auto& [key, value] : json.items()) {
      if (!value.is_number_integer()) {
        return std::nullopt;
      }
      entries.emplace_back(value.get<std::int64_t>(), key);
    }
    return entries;
  }

  ArtifactFacts& facts_;
};

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines = split(text, '\n');
  for (std::string& line : lines) {
    if (line.ends_with('\r')) {
      line.pop_back();
    }
  }
  while (!lines.empty() && trim(lines.back()).empty()) {
    lines.pop_back();
  }
  return lines;
}

// "0 cat", "0: cat", "0,cat" when `index_first`, else "cat,0".
std::optional<Entries> numbered(const std::vector<std::string>& lines, bool index_first) {
  Entries entries;
  for (const std::string& line : lines) {
    const std::string_view text = trim(line);
    const std::size_t cut = index_first ? text.find_first_of(" \t,:;") : text.find_last_of("\t,:;");
    if (cut == std::string_view::npos) {
      return std::nullopt;
    }
    const auto index = read_index(trim(index_first ? text.substr(0, cut) : text.substr(cut + 1)));
    const std::size_t name = index_first ? std::min(text.find_first_not_of(" \t,:;", cut), text.size()) : 0;
    const std::string_view rest = index_first ? text.substr(name) : text.substr(0, cut);
    if (!index) {
      return std::nullopt;
    }
    entries.emplace_back(*index, std::string(trim(rest)));
  }
  return entries;
}

}  // namespace

void read_json_labels(Bytes file, ArtifactFacts& facts) {
  if (const auto json = parse_json(as_text(file), kMostBytes)) {
    JsonLabels(facts).look(*json, "", 0);
  }
}

void read_text_labels(Bytes file, ArtifactFacts& facts) {
  if (file.size() > kMostBytes) {
    return;
  }
  std::vector<std::string> lines = lines_of(as_text(file));
  if (lines.empty() || lines.size() > kMostClasses) {
    return;
  }
  for (const bool index_first : {true, false}) {
    auto entries = numbered(lines, index_first);
    // Other numbers than indices may begin every line.
    if (entries && order_by_index(*entries).problem.empty()) {
      facts.label_lists.push_back(
          map_facts("", index_first ? LabelListKind::index_to_name : LabelListKind::name_to_index, "text",
                    std::move(*entries)));
      return;
    }
  }
  facts.label_lists.push_back(
      {.kind = LabelListKind::list, .type = "text", .classes = std::move(lines), .dtype = "str"});
}

}  // namespace runup::artifact
