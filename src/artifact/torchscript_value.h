// SPDX-License-Identifier: Apache-2.0
#pragma once

// What is known of a value while the code of an archive is followed: constants, the module's own objects,
// names of functions; of tensors and everything computed, nothing but that they are no None.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "artifact/pickle_value.h"
#include "artifact/torchscript_code.h"

namespace runup::artifact::script {

enum class Known : std::uint8_t {
  nothing,
  // it is not None
  something,
  none,
  boolean,
  integer,
  real,
  text,
  // a list or tuple, `items`
  list,
  // of the class `owner`; `object` is its place in the pickle, kNoValue when the code makes it
  object,
  // a name with dots that no variable has: `torch.dropout`, `__torch__.torch.nn.functional.dropout`
  global,
  // a function inside a function, `owner`
  closure,
};

struct Fact {
  Known kind = Known::nothing;
  bool boolean = false;
  std::uint32_t owner = kNothing;
  ValueId object = kNoValue;
  std::int64_t integer = 0;
  double real = 0;
  std::shared_ptr<const std::string> name;
  std::shared_ptr<const std::vector<Fact>> items;

  static Fact something() { return {.kind = Known::something}; }
  static Fact of(bool value) { return {.kind = Known::boolean, .boolean = value}; }
  static Fact of(std::int64_t value) { return {.kind = Known::integer, .integer = value}; }
  static Fact of(double value) { return {.kind = Known::real, .real = value}; }
  static Fact named(Known kind, std::string name) {
    return {.kind = kind, .name = std::make_shared<const std::string>(std::move(name))};
  }
  static Fact list(std::vector<Fact> items) {
    return {.kind = Known::list, .items = std::make_shared<const std::vector<Fact>>(std::move(items))};
  }

  bool is(Known what) const { return kind == what; }
  bool is_true() const { return kind == Known::boolean && boolean; }
  bool is_false() const { return kind == Known::boolean && !boolean; }
  bool is_number() const { return kind == Known::integer || kind == Known::real; }
  double number() const { return kind == Known::integer ? static_cast<double>(integer) : real; }
  bool may_be_none() const { return kind == Known::nothing || kind == Known::none; }
  std::string_view text() const { return name ? std::string_view(*name) : std::string_view(); }
};

// What holds when either of the two does.
Fact joined(const Fact& a, const Fact& b);
// Text that differs for facts that differ; long lists are cut.
void append_key(std::string& key, const Fact& fact, int depth = 0);

}  // namespace runup::artifact::script
