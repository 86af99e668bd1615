// SPDX-License-Identifier: Apache-2.0
#include "facts/service_declaration.h"

namespace runup {

template struct StructCodec<ServiceDeclaration>;

Json encode_custom(const NetworkDeclaration& network) {
  return network.allow.empty() ? Json("none") : Json{{"allow", encode(network.allow)}};
}

Result<void> decode_custom(const Json& json, NetworkDeclaration& out) {
  out = {};
  if (json == "none") {
    return {};
  }
  if (!json.is_object() || !json.contains("allow")) {
    return codec_detail::wrong_type(json, "`none` or an object with `allow`");
  }
  return decode_into(json["allow"], out.allow);
}

TypeInfo CustomType<NetworkDeclaration>::make() {
  TypeInfo none{.kind = TypeKind::choice};
  none.choices = {"none"};
  TypeInfo addresses = type_info<std::vector<std::string>>();
  addresses.rule.min = 1;
  TypeInfo allow{.kind = TypeKind::object};
  allow.members = {FieldInfo{.name = "allow",
                             .help = "addresses that the server may reach, such as `127.0.0.1:6379`",
                             .required = true,
                             .type = addresses,
                             .fallback = nullptr}};
  TypeInfo either{.kind = TypeKind::any};
  either.any_of = {none, allow};
  return either;
}

}  // namespace runup
