// SPDX-License-Identifier: Apache-2.0
#include "artifact/label_lists.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <format>
#include <set>

#include "artifact/index_map.h"
#include "artifact/numpy_values.h"
#include "artifact/python_repr.h"

namespace runup::artifact {

namespace {

constexpr std::size_t kLongestName = 1000;

// In a key, these say that class names are meant, or that other names are.
constexpr std::array<std::string_view, 12> kLabelWords{"label",   "class", "categor", "name",
                                                       "vocab",   "idx",   "index",   "target",
                                                       "gesture", "word",  "sign",    "action"};
constexpr std::array<std::string_view, 14> kOtherWords{"feature", "column", "param",     "file", "path",
                                                       "tag",     "layer",  "missing",   "key",  "metric",
                                                       "loss",    "beta",   "milestone", "shape"};

std::string last_key(const std::string& path) {
  std::string key = path.substr(path.rfind('.') + 1);
  std::ranges::transform(key, key.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return key;
}

bool has_any(std::string_view key, std::span<const std::string_view> words) {
  return std::ranges::any_of(words, [&](std::string_view word) { return key.contains(word); });
}

enum class Plausibility { no, when_shallow, yes };
Plausibility plausibility(const std::string& path) {
  const std::string key = last_key(path);
  if (has_any(key, kOtherWords)) {
    return Plausibility::no;
  }
  return has_any(key, kLabelWords) ? Plausibility::yes : Plausibility::when_shallow;
}

bool is_shallow(const std::string& path) { return path.find_first_of(".[", 1) == std::string::npos; }

class LabelReader {
 public:
  LabelReader(const ObjectGraph& graph, const std::string& path)
      : graph_(graph), pickle_(graph.pickle()), path_(path) {}

  std::optional<LabelListFacts> read(ValueId id) {
    facts_.path = path_;
    facts_.type = graph_.type_name(id);
    switch (pickle_.at(id).kind) {
      case ValueKind::list:
      case ValueKind::tuple:
        return read_sequence(id);
      case ValueKind::dict:
        return read_dict(pickle_.at(id).items);
      case ValueKind::object:
        return read_object(id);
      default:
        return std::nullopt;
    }
  }

 private:
  std::optional<LabelListFacts> read_object(ValueId id) {
    const Instance object = *graph_.instance(id);
    const std::string_view name = graph_.name(object.callee);
    if (name.ends_with(".LabelEncoder")) {
      return read_encoder(object);
    }
    if (object.known == Known::dict_subclass) {
      return read_dict(object.object->entries);
    }
    const auto array = read_numpy_array(graph_, id);
    if (array && *array && (*array)->shape.size() == 1 && (*array)->elements <= kMostClasses) {
      return read_array(**array);
    }
    return std::nullopt;
  }

  std::optional<LabelListFacts> read_encoder(const Instance& object) {
    facts_.kind = LabelListKind::label_encoder;
    ValueId classes = kNoValue;
    for (const ValueId state : object.object->states) {
      const ValueId found = pickle_.entry(state, "classes_");
      classes = found == kNoValue ? classes : found;
      facts_.sklearn_version = pickle_.text(pickle_.entry(state, "_sklearn_version")).value_or("");
    }
    if (classes == kNoValue) {
      facts_.problem = "it has no `classes_`: the encoder was never fitted";
      return facts_;
    }
    if (!pickle_.sequence(classes).empty()) {
      take(pickle_.sequence(classes));
      return facts_;
    }
    const auto array = read_numpy_array(graph_, classes);
    if (!array || !*array) {
      facts_.problem =
          array ? "`classes_` cannot be read: " + array->error().message
                : std::format("`classes_` is a `{}`; expected an array", graph_.type_name(classes));
    } else if ((*array)->shape.size() != 1) {
      facts_.problem = std::format("`classes_` has {} dimensions; expected 1", (*array)->shape.size());
    } else if ((*array)->elements > kMostClasses) {
      facts_.problem = std::format("{} classes; at most {} are read", (*array)->elements, kMostClasses);
    } else {
      take(**array);
    }
    return facts_;
  }

  std::optional<LabelListFacts> read_array(const NumpyArray& array) {
    const bool texts = array.type.kind == 'U' || array.type.kind == 'O';
    if (!texts || !is_wanted(array.elements)) {
      return std::nullopt;
    }
    if (!std::ranges::all_of(array.objects, [&](ValueId item) { return pickle_.text(item).has_value(); })) {
      return std::nullopt;
    }
    facts_.type = "numpy.ndarray";
    take(array);
    return is_list_of_names() ? std::optional(facts_) : std::nullopt;
  }

  std::optional<LabelListFacts> read_sequence(ValueId id) {
    const auto items = pickle_.sequence(id);
    if (items.size() > kMostClasses || !is_wanted(items.size()) ||
        !std::ranges::all_of(items, [&](ValueId item) { return pickle_.text(item).has_value(); })) {
      return std::nullopt;
    }
    take(items);
    return is_list_of_names() ? std::optional(facts_) : std::nullopt;
  }

  // {0: "a", 1: "b"}, {"0": "a", "1": "b"} (from JSON) or {"a": 0, "b": 1}; every index once, unless the
  // key says that class names are meant.
  std::optional<LabelListFacts> read_dict(std::span<const ValueId> items) {
    const std::size_t count = items.size() / 2;
    const bool named = plausibility(path_) == Plausibility::yes;
    if (count < (named ? 1U : 3U) || count > kMostClasses) {
      return std::nullopt;
    }
    const bool to_name = pickle_.text(items[1]).has_value();
    facts_.kind = to_name ? LabelListKind::index_to_name : LabelListKind::name_to_index;
    facts_.dtype = "str";
    std::vector<std::pair<std::int64_t, std::string>> entries;
    for (std::size_t i = 0; i < count; ++i) {
      const auto index = index_of(items[2 * i + (to_name ? 0 : 1)], to_name);
      const auto name = pickle_.text(items[2 * i + (to_name ? 1 : 0)]);
      if (!index || !name || name->size() > kLongestName) {
        return std::nullopt;
      }
      entries.emplace_back(*index, std::string(*name));
    }
    IndexMap map = order_by_index(std::move(entries));
    if (!map.problem.empty() && !named) {
      return std::nullopt;
    }
    facts_.classes = std::move(map.names);
    facts_.problem = std::move(map.problem);
    return facts_;
  }

  std::optional<std::int64_t> index_of(ValueId id, bool text_too) const {
    if (const auto number = pickle_.integer(id)) {
      return number;
    }
    const auto text = text_too ? pickle_.text(id) : std::nullopt;
    std::int64_t value = 0;
    if (!text || text->empty() ||
        std::from_chars(text->data(), text->data() + text->size(), value).ptr !=
            text->data() + text->size()) {
      return std::nullopt;
    }
    return value;
  }

  bool is_wanted(std::size_t count) const {
    const Plausibility plausible = plausibility(path_);
    return plausible == Plausibility::yes
               ? count >= 1
               : plausible == Plausibility::when_shallow && is_shallow(path_) && count >= 2;
  }

  // Texts of which most differ: duplicates and blanks are for the checks to find.
  bool is_list_of_names() const {
    const std::set<std::string_view> different(facts_.classes.begin(), facts_.classes.end());
    return different.size() * 2 > facts_.classes.size() &&
           std::ranges::all_of(facts_.classes,
                               [](const std::string& name) { return name.size() <= kLongestName; });
  }

  void take(std::span<const ValueId> items) {
    facts_.dtype = "str";
    for (const ValueId item : items.first(std::min(items.size(), kMostClasses))) {
      const auto text = pickle_.text(item);
      facts_.classes.push_back(text ? std::string(*text) : value_repr(graph_, item));
      facts_.dtype = text ? facts_.dtype : "object";
    }
  }

  void take(const NumpyArray& array) {
    facts_.dtype = array.type.name();
    for (std::uint64_t i = 0; i < array.elements; ++i) {
      facts_.classes.push_back(numpy_label(graph_, array, i));
    }
  }

  const ObjectGraph& graph_;
  const Pickle& pickle_;
  const std::string& path_;
  LabelListFacts facts_;
};

}  // namespace

std::optional<LabelListFacts> read_label_list(const ObjectGraph& graph, ValueId id, const std::string& path) {
  return LabelReader(graph, path).read(id);
}

}  // namespace runup::artifact
