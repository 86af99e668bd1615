// SPDX-License-Identifier: Apache-2.0
#include "config/override.h"

#include <charconv>
#include <format>
#include <optional>
#include <utility>
#include <vector>

#include "base/text.h"
#include "config/key_path.h"
#include "config/scalar.h"

namespace runup {

namespace {

constexpr std::size_t kMaxSteps = kMaxYamlDepth;

// Walks a key path through the tree, making what is missing.
class Walker {
 public:
  Walker(YamlNode& root, std::string_view path, std::uint32_t source)
      : node_(&root), rest_(path), place_{.source = source} {}

  // The node that the path names.
  std::expected<YamlNode*, Diagnostic> walk() {
    for (std::size_t steps = 0; !rest_.empty(); ++steps) {
      if (steps >= kMaxSteps) {
        return complain(std::format("the key has more than {} parts", kMaxSteps));
      }
      const bool index = rest_.starts_with('[');
      if (auto ok = index ? step_into_list() : step_into_map(); !ok) {
        return std::unexpected(ok.error());
      }
      if (rest_.starts_with('.')) {
        rest_.remove_prefix(1);
        if (rest_.empty()) {
          return complain("the key ends with a dot; expected a key such as `models.sign.device`");
        }
      }
    }
    return node_;
  }

  std::string take_note() { return std::move(note_); }

 private:
  using Step = std::expected<void, Diagnostic>;

  std::unexpected<Diagnostic> complain(std::string message) const {
    return std::unexpected(Diagnostic{place_, std::move(message)});
  }
  std::string here() const { return path_.empty() ? "the config" : std::format("`{}`", path_); }

  Step step_into_list() {
    std::size_t index = 0;
    const std::size_t end = rest_.find(']');
    const std::string_view digits = rest_.substr(1, end == std::string_view::npos ? end : end - 1);
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
    const std::string_view after = end == std::string_view::npos ? std::string_view{} : rest_.substr(end + 1);
    if (end == std::string_view::npos || error != std::errc{} || stop != digits.data() + digits.size() ||
        (!after.empty() && after.front() != '.' && after.front() != '[')) {
      return complain(std::format("`{}` is no list index; expected one such as `[0]`", shown(rest_)));
    }
    if (node_->kind == YamlKind::null) {
      node_->kind = YamlKind::list;
      node_->place = place_;
    }
    if (node_->kind != YamlKind::list) {
      return complain(std::format("{} is {}, which has no `[{}]`", here(), describe_seen(*node_), index));
    }
    const std::size_t size = node_->items.size();
    if (index > size) {
      return complain(std::format("{} has {}; expected an index of at most {}, which adds one", here(),
                                  count_of(size, "item", "items"), size));
    }
    if (index == size) {
      node_->items.push_back({.kind = YamlKind::null, .place = place_});
    }
    path_ = item_path(path_, index);
    node_ = &node_->items[index];
    rest_ = after;
    return {};
  }

  Step step_into_map() {
    const auto key = next_key();
    if (!key) {
      return complain(std::format("`{}` is no key; expected one such as `models.sign.device`", shown(rest_)));
    }
    if (node_->kind == YamlKind::null) {
      node_->kind = YamlKind::map;
      node_->place = place_;
    }
    if (node_->kind != YamlKind::map) {
      return complain(
          std::format("{} is {}, which has no key `{}`", here(), describe_seen(*node_), shown(*key)));
    }
    YamlEntry* found = nullptr;
    for (YamlEntry& entry : node_->entries) {
      found = found == nullptr && entry.key == *key ? &entry : found;
    }
    if (found == nullptr) {
      note_new_key(*key);
      node_->entries.push_back(
          {.key = *key, .place = place_, .value = {.kind = YamlKind::null, .place = place_}});
      found = &node_->entries.back();
    } else if (rest_.empty()) {
      found->place = place_;
    }
    path_ = child_path(path_, *key);
    node_ = &found->value;
    return {};
  }

  // Takes the next key off the path: a quoted one, the longest existing key that fits, or all up to
  // the next dot or bracket.
  std::optional<std::string> next_key() {
    if (rest_.starts_with('"')) {
      const std::size_t end = rest_.find('"', 1);
      if (end == std::string_view::npos) {
        return std::nullopt;
      }
      return take(1, end - 1, end + 1);
    }
    std::size_t length = rest_.find_first_of(".[");
    length = length == std::string_view::npos ? rest_.size() : length;
    for (const YamlEntry& entry : node_->entries) {
      const std::string_view after = rest_.starts_with(entry.key) ? rest_.substr(entry.key.size()) : "x";
      if (entry.key.size() > length && (after.empty() || after.front() == '.' || after.front() == '[')) {
        length = entry.key.size();
      }
    }
    return length == 0 ? std::nullopt : take(0, length, length);
  }
  std::optional<std::string> take(std::size_t start, std::size_t length, std::size_t consumed) {
    std::string key(rest_.substr(start, length));
    rest_.remove_prefix(consumed);
    const bool ends = rest_.empty() || rest_.front() == '.' || rest_.front() == '[';
    return ends ? std::optional(std::move(key)) : std::nullopt;
  }

  void note_new_key(const std::string& key) {
    std::vector<std::string> siblings;
    for (const YamlEntry& entry : node_->entries) {
      siblings.push_back(entry.key);
    }
    if (const auto guess = did_you_mean(key, siblings); guess && note_.empty()) {
      note_ = std::format("{} has no `{}` so far; did you mean `{}`?", here(), shown(key), *guess);
    }
  }

  YamlNode* node_;
  std::string_view rest_;
  Place place_;
  std::string path_;
  std::string note_;
};

// Everything in a `--set` has the same place: the argument.
void set_place(YamlNode& node, const Place& place) {
  node.place = place;
  for (YamlNode& item : node.items) {
    set_place(item, place);
  }
  for (YamlEntry& entry : node.entries) {
    entry.place = place;
    set_place(entry.value, place);
  }
}

}  // namespace

std::expected<std::string, Diagnostic> apply_override(YamlNode& root, std::string_view argument,
                                                      std::uint32_t source) {
  const Place place{.source = source};
  const std::size_t equals = argument.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return std::unexpected(Diagnostic{place, "expected KEY=VALUE such as `models.sign.device=cuda:0`"});
  }
  auto value = parse_yaml(argument.substr(equals + 1), source);
  if (!value) {
    return std::unexpected(Diagnostic{place, std::move(value.error().message)});
  }
  set_place(*value, place);
  Walker walker(root, argument.substr(0, equals), source);
  auto target = walker.walk();
  if (!target) {
    return std::unexpected(target.error());
  }
  **target = std::move(*value);
  return walker.take_note();
}

}  // namespace runup
