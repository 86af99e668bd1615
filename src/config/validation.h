// SPDX-License-Identifier: Apache-2.0
#pragma once

// Shared by the files that hold the rules between values (see config/validate.h).

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "config/binder.h"
#include "config/key_path.h"

namespace runup {

// One object of the config under validation: reads its members and complains at their places.
class Scope {
 public:
  Scope(Bound& bound, const Json& object, std::string path)
      : bound_(bound), object_(object), path_(std::move(path)) {}

  // The member as a T; nothing when it is not there or could not be bound.
  template <class T>
  std::optional<T> get(std::string_view key) const {
    const Json* found = member(key);
    if (found == nullptr || found->is_null()) {
      return std::nullopt;
    }
    auto value = decode<T>(*found);
    return value ? std::optional(std::move(*value)) : std::nullopt;
  }

  // The items of a list, those that could not be bound as nothing; no list at all when the list itself
  // could not.
  template <class T>
  std::optional<std::vector<std::optional<T>>> items(std::string_view key) const {
    const auto list = get<Json>(key);
    if (!list || !list->is_array()) {
      return std::nullopt;
    }
    std::vector<std::optional<T>> items;
    for (const Json& item : *list) {
      auto value = decode<T>(item);
      items.push_back(value ? std::optional(std::move(*value)) : std::nullopt);
    }
    return items;
  }

  // Each item of a list that is an object, with its path; others have their complaints already.
  std::vector<Scope> objects(std::string_view key) const {
    std::vector<Scope> scopes;
    const Json* found = member(key);
    if (found != nullptr && found->is_array()) {
      for (std::size_t i = 0; i < found->size(); ++i) {
        if ((*found)[i].is_object()) {
          scopes.emplace_back(bound_, (*found)[i], item_path(path_of(key), i));
        }
      }
    }
    return scopes;
  }
  // The same of a map, by name.
  std::vector<std::pair<std::string, Scope>> entries(std::string_view key) const {
    std::vector<std::pair<std::string, Scope>> scopes;
    const Json* found = member(key);
    if (found != nullptr && found->is_object()) {
      for (const auto& [encoded, value] : found->items()) {
        const std::string name = decode_text(encoded).value_or(encoded);
        scopes.emplace_back(name, Scope(bound_, value, child_path(path_of(key), name)));
      }
    }
    return scopes;
  }

  // Also true of a member that could not be bound.
  bool has(std::string_view key) const { return member(key) != nullptr; }

  // The config has it, be it right or wrong; not a default.
  bool is_written(std::string_view key) const { return bound_.written.contains(path_of(key)); }

  const std::string& path() const { return path_; }
  std::string path_of(std::string_view key) const { return child_path(path_, key); }

  // At the value of `path`, or where the nearest value around it is written.
  void complain(std::string path, std::string message) const {
    complain_at(std::move(path), &Written::value, std::move(message));
  }
  // At its key.
  void complain_about_key(std::string path, std::string message) const {
    complain_at(std::move(path), &Written::key, std::move(message));
  }

 private:
  const Json* member(std::string_view key) const {
    const auto found = object_.is_object() ? object_.find(std::string(key)) : object_.end();
    return found == object_.end() ? nullptr : &*found;
  }

  void complain_at(std::string path, Place Written::* which, std::string message) const {
    while (!path.empty() && !bound_.written.contains(path)) {
      path = std::string(parent_path(path));
    }
    const auto found = bound_.written.find(path);
    bound_.diagnostics.push_back(
        {found == bound_.written.end() ? Place{} : found->second.*which, std::move(message)});
  }

  Bound& bound_;
  const Json& object_;
  std::string path_;
};

// The rules of one `models.NAME`.
void validate_model(const Scope& model);

}  // namespace runup
