// SPDX-License-Identifier: Apache-2.0
#pragma once

// The words of config/binder.cpp, and how it recognises what was meant.

#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/schema.h"
#include "config/scalar.h"

namespace runup {

// "`device`", of the key path `models.sign.device`.
std::string named(std::string_view path);

// "text", "a map such as `{path: ...}`"
std::string expected_text(const TypeInfo& type);

std::string number_text(double value);

// How many characters an editor counts.
std::size_t characters(std::string_view text);

bool is_number(const Seen& seen);

// Could a value that looks like `node` be meant for this form?
bool same_sort(const YamlNode& node, const TypeInfo& form);

// "remove the quotes" when that would make the value fit, else empty.
std::string_view quotes_hint(const YamlNode& node, const TypeInfo& type);

// "write `true`" for `yes`, `on` and the like, else empty.
std::string_view truth_hint(std::string_view text);

// "at least 1", "1 to 10", "1": the part of the rule that `value` breaks. `show` prints a bound.
template <class Show>
std::string bounds_text(const Rule& rule, double value, const Show& show) {
  constexpr double kAsGoodAsNone = 1e9;
  if (rule.min == rule.max) {
    return show(rule.min);
  }
  if (std::isinf(rule.max) || (value < rule.min && rule.max >= kAsGoodAsNone)) {
    return "at least " + show(rule.min);
  }
  if (std::isinf(rule.min)) {
    return "at most " + show(rule.max);
  }
  return show(rule.min) + " to " + show(rule.max);
}

// The known word that was meant, also when only its start was written.
std::optional<std::string> guess_word(std::string_view word, const std::vector<std::string>& known);

// WHAT `devise`; did you mean `device`?
// WHAT `x`; expected one of `a` and `b`
std::string unknown_word(std::string_view what, std::string_view word, const std::vector<std::string>& known);

// The only object anywhere in `type` that has the key: "`models.NAME`"; nothing when there is none
// or several.
std::optional<std::string> home_of_key(const TypeInfo& type, std::string_view key);

}  // namespace runup
