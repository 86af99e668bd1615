// SPDX-License-Identifier: Apache-2.0
#include "artifact/pickle_builder.h"

#include <array>
#include <format>

namespace runup::artifact {

namespace {

constexpr std::size_t kMaxGlobalName = 4096;

constexpr std::array<std::string_view, 17> kKindNames{
    "None",      "bool",          "int",   "int",  "float", "str",       "bytes",
    "bytearray", "tuple",         "list",  "dict", "set",   "frozenset", "class or function",
    "object",    "persistent id", "buffer"};

// Python refuses these as keys: "unhashable type".
bool is_hashable(ValueKind kind) {
  return kind != ValueKind::list && kind != ValueKind::dict && kind != ValueKind::set &&
         kind != ValueKind::bytearray;
}

}  // namespace

PickleBuilder::PickleBuilder(Pickle& pickle) : pickle_(pickle) {
  none_ = add({});
  Value value{.kind = ValueKind::boolean};
  value.boolean = true;
  true_ = add(value);
  value.boolean = false;
  false_ = add(value);
  empty_tuple_ = make(ValueKind::tuple);
  small_integers_.resize(kSmallIntegers, kNoValue);
}

ValueId PickleBuilder::add(Value value) {
  pickle_.values.push_back(std::move(value));
  return static_cast<ValueId>(pickle_.values.size() - 1);
}

ValueId PickleBuilder::integer(std::int64_t number) {
  Value value{.kind = ValueKind::integer};
  value.integer = number;
  if (number < 0 || number >= static_cast<std::int64_t>(kSmallIntegers)) {
    return add(std::move(value));
  }
  // Shared, as in CPython, because shapes and lists are full of them.
  ValueId& known = small_integers_[static_cast<std::size_t>(number)];
  if (known == kNoValue) {
    known = add(std::move(value));
  }
  return known;
}

ValueId PickleBuilder::real(double number) {
  Value value{.kind = ValueKind::real};
  value.real = number;
  return add(std::move(value));
}

ValueId PickleBuilder::text(ValueKind kind, std::string_view view) {
  Value value{.kind = kind};
  value.text = view;
  return add(std::move(value));
}

ValueId PickleBuilder::own_text(ValueKind kind, std::string text) {
  pickle_.texts.push_back(std::move(text));
  return this->text(kind, pickle_.texts.back());
}

ValueId PickleBuilder::make(ValueKind kind, std::vector<ValueId> items) {
  Value value{.kind = kind};
  value.items = std::move(items);
  return add(std::move(value));
}

Read<ValueId> PickleBuilder::global(std::string_view module, std::string_view name) {
  if (module.size() + name.size() > kMaxGlobalName) {
    return problem(DefectKind::over_limit, std::format("a global's name has {} bytes; at most {} are read",
                                                       module.size() + name.size(), kMaxGlobalName));
  }
  std::string key(module);
  key += '\n';
  key += name;
  const auto [known, is_new] = known_globals_.try_emplace(std::move(key), kNoValue);
  if (is_new) {
    Value value{.kind = ValueKind::global};
    value.integer = static_cast<std::int64_t>(pickle_.globals.size());
    pickle_.globals.push_back({.module = std::string(module), .name = std::string(name)});
    known->second = add(std::move(value));
  }
  count_use(known->second);
  return known->second;
}

ValueId PickleBuilder::object(ObjectValue object) {
  Value value{.kind = ValueKind::object};
  value.integer = static_cast<std::int64_t>(pickle_.objects.size());
  pickle_.objects.push_back(std::move(object));
  return add(std::move(value));
}

void PickleBuilder::count_use(ValueId value) {
  if (pickle_.is(value, ValueKind::global)) {
    ++pickle_.globals[static_cast<std::size_t>(pickle_.at(value).integer)].uses;
  }
}

std::string_view PickleBuilder::kind_name(ValueId value) const {
  return kKindNames[static_cast<std::size_t>(pickle_.at(value).kind)];
}

Read<void> PickleBuilder::fill(ValueId target, std::vector<ValueId> items, FillKind kind) {
  Value& value = pickle_.values[target];
  std::vector<ValueId>* into = nullptr;
  if (value.kind == ValueKind::object) {
    ObjectValue& object = pickle_.objects[static_cast<std::size_t>(value.integer)];
    into = kind == FillKind::set ? &object.entries : &object.appended;
  } else if ((kind == FillKind::append && value.kind == ValueKind::list) ||
             (kind == FillKind::add && value.kind == ValueKind::set) ||
             (kind == FillKind::set && value.kind == ValueKind::dict)) {
    into = &value.items;
  } else {
    return problem(DefectKind::malformed, std::format("the stack holds a {} there", kind_name(target)));
  }
  if (kind == FillKind::set) {
    if (items.size() % 2 != 0) {
      return problem(DefectKind::malformed, "a key without its value");
    }
    for (std::size_t i = 0; i < items.size(); i += 2) {
      if (!is_hashable(pickle_.at(items[i]).kind)) {
        return problem(DefectKind::malformed, std::format("a {} as a key", kind_name(items[i])));
      }
    }
  }
  into->insert(into->end(), items.begin(), items.end());
  return {};
}

Read<void> PickleBuilder::set_state(ValueId target, ValueId state) {
  const Value& value = pickle_.at(target);
  if (value.kind == ValueKind::object) {
    pickle_.objects[static_cast<std::size_t>(value.integer)].states.push_back(state);
    return {};
  }
  // A class or a persistent object may be given attributes; what they are is none of ours.
  if (value.kind == ValueKind::global || value.kind == ValueKind::persistent ||
      value.kind == ValueKind::opaque) {
    return {};
  }
  return problem(DefectKind::malformed, std::format("a {} has no state to set", kind_name(target)));
}

void PickleBuilder::set_payload(ValueId target, ValueId payload) {
  if (pickle_.is(target, ValueKind::object)) {
    pickle_.objects[static_cast<std::size_t>(pickle_.at(target).integer)].payload = payload;
  }
}

Read<void> PickleBuilder::check_call(const ObjectValue& object) const {
  switch (pickle_.at(object.callee).kind) {
    case ValueKind::global:
    case ValueKind::object:
    case ValueKind::persistent:
    case ValueKind::opaque:
      break;
    default:
      return problem(DefectKind::malformed, std::format("a {} cannot be called", kind_name(object.callee)));
  }
  if (!pickle_.is(object.args, ValueKind::tuple)) {
    return problem(DefectKind::malformed,
                   std::format("the arguments are a {}; expected a tuple", kind_name(object.args)));
  }
  if (object.kwargs != kNoValue && !pickle_.is(object.kwargs, ValueKind::dict)) {
    return problem(DefectKind::malformed, "the keyword arguments are no dict");
  }
  return {};
}

}  // namespace runup::artifact
