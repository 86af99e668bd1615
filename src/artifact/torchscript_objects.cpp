// SPDX-License-Identifier: Apache-2.0
#include "artifact/torchscript_objects.h"

#include <algorithm>

#include "artifact/node.h"

namespace runup::artifact::script {

namespace {

constexpr std::size_t kMostKnownItems = 64;
constexpr int kMostListDepth = 4;
constexpr std::size_t kMostObjectDepth = 200;
constexpr std::size_t kMostTraining = 1000;
// Of all paths together.
constexpr std::size_t kMostText = std::size_t{16} << 20U;

}  // namespace

std::uint32_t Objects::class_of(ValueId id) const {
  const auto instance = graph_.instance(id);
  if (!instance || instance->object == nullptr) {
    return kNothing;
  }
  const auto found = code_.classes_by_name.find(std::string(graph_.name(instance->callee)));
  return found == code_.classes_by_name.end() ? kNothing : found->second;
}

const Objects::Attributes& Objects::attributes(ValueId object) const {
  const auto [place, added] = attributes_.try_emplace(object);
  if (added) {
    const ObjectValue* value = graph_.pickle().object(object);
    for (const Child& child : attributes_of(graph_, value->states)) {
      const auto name = child.step == Step::attribute ? graph_.pickle().text(child.key) : std::nullopt;
      if (name) {
        place->second.insert_or_assign(*name, child.value);
      }
    }
  }
  return place->second;
}

Fact Objects::fact_of(ValueId id, int depth) const {
  if (id == kNoValue) {
    return {};
  }
  id = graph_.unwrap(id);
  const Value& value = graph_.pickle().at(id);
  switch (value.kind) {
    case ValueKind::none:
      return {.kind = Known::none};
    case ValueKind::boolean:
      return Fact::of(value.boolean);
    case ValueKind::integer:
      return Fact::of(value.integer);
    case ValueKind::real:
      return Fact::of(value.real);
    case ValueKind::text:
      return Fact::named(Known::text, std::string(value.text.substr(0, 200)));
    case ValueKind::list:
    case ValueKind::tuple: {
      std::vector<Fact> items;
      for (const ValueId item : value.items) {
        if (depth >= kMostListDepth || items.size() >= kMostKnownItems) {
          return Fact::something();
        }
        items.push_back(fact_of(item, depth + 1));
      }
      return Fact::list(std::move(items));
    }
    case ValueKind::object: {
      const std::uint32_t owner = class_of(id);
      return owner == kNothing ? Fact::something()
                               : Fact{.kind = Known::object, .owner = owner, .object = id};
    }
    default:
      return Fact::something();
  }
}

std::optional<Fact> Objects::attribute(ValueId object, std::string_view name) const {
  if (object == kNoValue || graph_.pickle().object(object) == nullptr) {
    return std::nullopt;
  }
  const Attributes& known = attributes(object);
  const auto found = known.find(name);
  return found == known.end() ? std::nullopt : std::optional(fact_of(found->second));
}

std::string_view Objects::path(ValueId object) const {
  const auto found = paths_.find(object);
  return found == paths_.end() ? std::string_view() : std::string_view(found->second);
}

std::string Objects::root_class() const {
  const ValueId root = graph_.pickle().root;
  if (root == kNoValue) {
    return {};
  }
  const auto instance = graph_.instance(graph_.unwrap(root));
  return instance ? std::string(graph_.name(instance->callee)) : std::string();
}

void Objects::walk() {
  if (graph_.pickle().root != kNoValue) {
    enter(graph_.unwrap(graph_.pickle().root), "", 0);
  }
}

// Modules alone are entered: what else holds a module (a list, a class of one's own) has no path either
// in Python.
void Objects::enter(ValueId id, const std::string& path, std::size_t depth) {
  const ObjectValue* object = graph_.pickle().object(id);
  if (object == nullptr || depth > kMostObjectDepth || paths_.contains(id) || text_ > kMostText) {
    return;
  }
  const std::uint32_t owner = class_of(id);
  const auto training = attribute(id, "training");
  const bool is_module =
      owner != kNothing ? code_.classes[owner].is_module : training && training->is(Known::boolean);
  if (!is_module) {
    return;
  }
  ++modules_;
  text_ += path.size() + 1;
  paths_.emplace(id, path);
  if (training && training->is_true() && training_.size() < kMostTraining) {
    training_.push_back(path);
  }
  for (const Child& child : attributes_of(graph_, object->states)) {
    const auto name = child.step == Step::attribute ? graph_.pickle().text(child.key) : std::nullopt;
    if (name && name->size() < 200) {
      enter(graph_.unwrap(child.value), path.empty() ? std::string(*name) : path + "." + std::string(*name),
            depth + 1);
    }
  }
}

}  // namespace runup::artifact::script
