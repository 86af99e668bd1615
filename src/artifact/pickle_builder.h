// SPDX-License-Identifier: Apache-2.0
#pragma once

// Makes the values of a Pickle and holds what Python would refuse while building them.

#include "artifact/pickle_value.h"

namespace runup::artifact {

enum class FillKind { append, add, set };

class PickleBuilder {
 public:
  explicit PickleBuilder(Pickle& pickle);

  Pickle& pickle() { return pickle_; }
  // Five million values; more are not read.
  bool full() const { return pickle_.values.size() > kMaxValues; }

  ValueId none() const { return none_; }
  ValueId boolean(bool value) const { return value ? true_ : false_; }
  ValueId empty_tuple() const { return empty_tuple_; }
  ValueId integer(std::int64_t number);
  ValueId real(double number);
  // text, bytes, bytearray or big_integer; the view must live as long as the pickle
  ValueId text(ValueKind kind, std::string_view view);
  // Same, of a text that was decoded and is kept here.
  ValueId own_text(ValueKind kind, std::string text);
  ValueId make(ValueKind kind, std::vector<ValueId> items = {});
  ValueId persistent(ValueId id) { return make(ValueKind::persistent, {id}); }
  Read<ValueId> global(std::string_view module, std::string_view name);
  ValueId object(ObjectValue object);

  // Puts items into a list, set, dict or object.
  Read<void> fill(ValueId target, std::vector<ValueId> items, FillKind kind);
  Read<void> set_state(ValueId target, ValueId state);
  void set_payload(ValueId target, ValueId payload);
  Read<void> check_call(const ObjectValue& object) const;
  // A global was pushed again from the memo.
  void count_use(ValueId value);

 private:
  static constexpr std::size_t kMaxValues = 5'000'000;
  static constexpr std::size_t kSmallIntegers = 256;

  ValueId add(Value value);
  std::string_view kind_name(ValueId value) const;

  Pickle& pickle_;
  std::unordered_map<std::string, ValueId> known_globals_;
  std::vector<ValueId> small_integers_;
  ValueId none_ = kNoValue;
  ValueId true_ = kNoValue;
  ValueId false_ = kNoValue;
  ValueId empty_tuple_ = kNoValue;
};

}  // namespace runup::artifact
