// SPDX-License-Identifier: Apache-2.0
#include "facts/declaration.h"

namespace runup {

Json encode_custom(const Dimension& dimension) {
  return dimension.axis.empty() ? Json(dimension.size) : Json(encode_text(dimension.axis));
}

Result<void> decode_custom(const Json& json, Dimension& out) {
  out = {};
  if (json.is_string()) {
    return decode_into(json, out.axis);
  }
  return decode_into(json, out.size);
}

TypeInfo CustomType<Dimension>::make() {
  TypeInfo size{.kind = TypeKind::integer};
  size.rule.min = 1;
  size.rule.max = 1e9;
  TypeInfo axis{.kind = TypeKind::text};
  axis.rule.min = 1;
  TypeInfo either{.kind = TypeKind::any};
  either.any_of = {size, axis};
  return either;
}

}  // namespace runup
