// SPDX-License-Identifier: Apache-2.0
// The few operators whose answer decides a way: tests for None, comparisons, conversions.
#include <functional>

#include "artifact/torchscript_run.h"

namespace runup::artifact::script {

namespace {

std::optional<Fact> compared(std::string_view name, const Fact& a, const Fact& b) {
  const bool texts = a.is(Known::text) && b.is(Known::text);
  const bool truths = a.is(Known::boolean) && b.is(Known::boolean);
  if (texts || truths) {
    const bool equal = texts ? a.text() == b.text() : a.boolean == b.boolean;
    if (name == "eq" || name == "ne") {
      return Fact::of(equal == (name == "eq"));
    }
    return std::nullopt;
  }
  if (!a.is_number() || !b.is_number()) {
    return std::nullopt;
  }
  const double x = a.number();
  const double y = b.number();
  if (name == "eq" || name == "ne") {
    return Fact::of((x == y) == (name == "eq"));
  }
  if (name == "lt" || name == "ge") {
    return Fact::of((x < y) == (name == "lt"));
  }
  return Fact::of((x > y) == (name == "gt"));
}

std::optional<Fact> is_same(bool wanted, const Fact& a, const Fact& b) {
  if (a.is(Known::none) && b.is(Known::none)) {
    return Fact::of(wanted);
  }
  const bool one_is_none = a.is(Known::none) || b.is(Known::none);
  return one_is_none && !(a.is(Known::nothing) || b.is(Known::nothing)) ? std::optional(Fact::of(!wanted))
                                                                        : std::nullopt;
}

}  // namespace

std::optional<Fact> computed(std::string_view name, std::span<const Fact> arguments) {
  if (arguments.size() == 2) {
    if (name == "__is__" || name == "__isnot__") {
      return is_same(name == "__is__", arguments[0], arguments[1]);
    }
    if (name == "eq" || name == "ne" || name == "lt" || name == "le" || name == "gt" || name == "ge") {
      return compared(name, arguments[0], arguments[1]);
    }
    if ((name == "__and__" || name == "__or__") && arguments[0].is(Known::boolean) &&
        arguments[1].is(Known::boolean)) {
      return Fact::of(name == "__and__" ? arguments[0].boolean && arguments[1].boolean
                                        : arguments[0].boolean || arguments[1].boolean);
    }
    return std::nullopt;
  }
  if (arguments.size() != 1) {
    return std::nullopt;
  }
  const Fact& value = arguments.front();
  if (name == "__not__") {
    return value.is(Known::boolean) ? std::optional(Fact::of(!value.boolean)) : std::nullopt;
  }
  if (name == "bool" && value.is_number()) {
    return Fact::of(value.number() != 0);
  }
  const bool kept = (name == "int" && value.is(Known::integer)) ||
                    (name == "bool" && value.is(Known::boolean)) ||
                    (name == "float" && value.is(Known::real));
  if (kept) {
    return value;
  }
  return name == "float" && value.is(Known::integer) ? std::optional(Fact::of(value.number())) : std::nullopt;
}

}  // namespace runup::artifact::script
