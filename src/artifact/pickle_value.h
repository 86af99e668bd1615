// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a pickle stream builds, as data: no class is looked up and nothing is called. Values refer
// to each other by number, so shared and cyclic objects are what they are in Python.

#include <bitset>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "artifact/defects.h"
#include "base/bytes.h"

namespace runup::artifact {

using ValueId = std::uint32_t;
inline constexpr ValueId kNoValue = 0xFFFFFFFF;

enum class ValueKind : std::uint8_t {
  none,
  boolean,
  integer,
  // does not fit 64 bits; `text` is its decimal form
  big_integer,
  real,
  // `text` is UTF-8, with lone surrogates as Python's surrogatepass writes them
  text,
  bytes,
  bytearray,
  tuple,
  list,
  // `items` alternate between key and value
  dict,
  set,
  frozenset,
  // a class or function by name; `integer` is its index in Pickle::globals
  global,
  // the result of a call; `integer` is its index in Pickle::objects
  object,
  // `items[0]` is the id that a persistent_load would get
  persistent,
  // an extension code or an out-of-band buffer
  opaque,
};

struct Value {
  ValueKind kind = ValueKind::none;
  union {
    bool boolean;
    std::int64_t integer = 0;
    double real;
  };
  // a view into the stream or into Pickle::texts
  std::string_view text;
  std::vector<ValueId> items;
};

enum class CallForm : std::uint8_t {
  // callee(*args)
  reduce,
  // callee.__new__(callee, *args, **kwargs)
  new_object,
  // a class of old called with args (INST, OBJ)
  instance,
};

struct ObjectValue {
  CallForm form = CallForm::reduce;
  ValueId callee = kNoValue;
  // a tuple
  ValueId args = kNoValue;
  // a dict
  ValueId kwargs = kNoValue;
  // each value that BUILD gave it; nearly always one
  std::vector<ValueId> states;
  // what APPEND, APPENDS and ADDITEMS gave it
  std::vector<ValueId> appended;
  // what SETITEM and SETITEMS gave it: key, value, key, value
  std::vector<ValueId> entries;
  // of a joblib array wrapper: the bytes, or the list of objects, that follow it in the stream
  ValueId payload = kNoValue;
};

struct GlobalValue {
  std::string module;
  std::string name;
  // how often it was pushed, by its name or from the memo
  std::uint64_t uses = 0;
};

struct Pickle {
  // views of values point into these
  std::deque<std::string> texts;
  std::vector<Value> values;
  std::vector<ObjectValue> objects;
  std::vector<GlobalValue> globals;
  // kNoValue when the stream broke off before its STOP
  ValueId root = kNoValue;
  // highest PROTO; 0 when there is none
  int protocol = 0;
  std::bitset<256> opcodes;
  // offset behind STOP
  std::uint64_t end = 0;
  std::optional<Problem> problem;

  const Value& at(ValueId id) const { return values[id]; }
  const ObjectValue* object(ValueId id) const {
    return id != kNoValue && values[id].kind == ValueKind::object
               ? &objects[static_cast<std::size_t>(values[id].integer)]
               : nullptr;
  }
  const GlobalValue* global(ValueId id) const {
    return id != kNoValue && values[id].kind == ValueKind::global
               ? &globals[static_cast<std::size_t>(values[id].integer)]
               : nullptr;
  }
  bool is(ValueId id, ValueKind kind) const { return id != kNoValue && values[id].kind == kind; }
  std::optional<std::int64_t> integer(ValueId id) const {
    return is(id, ValueKind::integer) ? std::optional(values[id].integer) : std::nullopt;
  }
  std::optional<std::string_view> text(ValueId id) const {
    return is(id, ValueKind::text) ? std::optional(values[id].text) : std::nullopt;
  }
  bool truth(ValueId id) const { return is(id, ValueKind::boolean) && values[id].boolean; }
  // The items of a tuple or list; nothing for others.
  std::span<const ValueId> sequence(ValueId id) const {
    return is(id, ValueKind::tuple) || is(id, ValueKind::list) ? std::span<const ValueId>(values[id].items)
                                                               : std::span<const ValueId>();
  }
  // Value of a text key of a dict, or kNoValue. Of a key that was set twice, the later one.
  ValueId entry(ValueId dict, std::string_view key) const;
};

// Whether Python reads it as UTF-8 with surrogatepass, as unpickling does.
bool is_python_utf8(std::string_view text);

}  // namespace runup::artifact
