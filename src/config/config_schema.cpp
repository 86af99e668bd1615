// SPDX-License-Identifier: Apache-2.0
#include "config/config_schema.h"

#include "config/config_file.h"

namespace runup {

namespace {

constexpr std::string_view kNamePattern = "^[A-Za-z0-9][A-Za-z0-9._-]*$";

}  // namespace

Json config_schema(std::span<const CatalogueEntry> catalogue) {
  Json schema{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
              {"title", "runup.yaml"},
              {"description", "what has to hold before a model server is deployed; judged by `runup run`"}};
  schema.update(json_schema(config_type({.built_in = catalogue}), SchemaForm::yaml));
  Json& properties = schema["properties"];
  properties["target"]["pattern"] = kNamePattern;
  properties["models"]["propertyNames"] = Json{{"pattern", kNamePattern}, {"maxLength", 100}};
  properties["models"]["minProperties"] = 1;
  properties["installed_at"]["pattern"] = "^(/.*)?$";
  properties["checks"]["additionalProperties"] = Json{{"type", "object"}};
  Json& model = properties["models"]["additionalProperties"]["properties"];
  model["device"]["pattern"] = "^(cpu|mps|(cuda|xpu|hpu)(:[0-9]+)?)$";
  model["factory"]["pattern"] = "^([^:]+:[^:]+)?$";
  return schema;
}

}  // namespace runup
