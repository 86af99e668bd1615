// SPDX-License-Identifier: Apache-2.0
#include "config/config_file.h"

#include <algorithm>
#include <iterator>

#include "config/binder.h"
#include "facts/service_declaration.h"

namespace runup {

namespace {

TypeInfo severity_type(std::span<const FindingInfo> findings) {
  const TypeInfo word = type_info<Severity>();
  TypeInfo by_finding;
  if (findings.empty()) {
    by_finding.kind = TypeKind::map;
    by_finding.item = {word};
  } else {
    by_finding.kind = TypeKind::object;
    for (const FindingInfo& finding : findings) {
      by_finding.members.push_back({.name = std::string(finding.id),
                                    .help = std::string(finding.summary),
                                    .required = false,
                                    .type = word,
                                    .fallback = nullptr});
    }
  }
  TypeInfo either{.kind = TypeKind::any};
  either.any_of = {word, by_finding};
  return either;
}

TypeInfo entry_type(std::span<const FindingInfo> findings, std::vector<FieldInfo> options) {
  TypeInfo entry{.kind = TypeKind::object};
  entry.members = std::move(options);
  entry.members.push_back({.name = std::string(kSeverityOption),
                           .help = "`error`, `warning` or `note` for the whole check, or a map by finding id",
                           .required = false,
                           .type = severity_type(findings),
                           .fallback = nullptr});
  entry.members.push_back({.name = std::string(kEnabledOption),
                           .help = "`false` leaves the check out; reports show it as skipped",
                           .required = false,
                           .type = type_info<bool>(),
                           .fallback = true});
  return entry;
}

FieldInfo checks_member(const CheckTypes& checks) {
  TypeInfo type{.kind = TypeKind::object};
  const auto add = [&](std::string id, std::string help, TypeInfo entry) {
    Json fallback = default_object(entry.members);
    type.members.push_back({.name = std::move(id),
                            .help = std::move(help),
                            .required = false,
                            .type = std::move(entry),
                            .fallback = std::move(fallback)});
  };
  for (const CatalogueEntry& check : checks.built_in) {
    add(std::string(check.info->id), page_field(check.page, "summary"), check_entry_type(check));
  }
  for (const PluginInfo& plugin : checks.plugins) {
    add(plugin.id, plugin.summary, check_entry_type(plugin));
  }
  for (const std::string& id : checks.tolerated) {
    type.members.push_back({.name = id, .help = "", .required = false, .type = {}, .fallback = nullptr});
  }
  Json fallback = default_object(type.members);
  return {.name = "checks",
          .help = "options of checks by check id; all that apply run, also those that are not named here",
          .required = false,
          .type = std::move(type),
          .fallback = std::move(fallback)};
}

FieldInfo models_member() {
  TypeInfo models = type_info<std::map<std::string, ModelDeclaration>>();
  models.rule.min = 1;
  return {.name = "models",
          .help = "the models that the service loads, by name",
          .required = true,
          .type = std::move(models),
          .fallback = nullptr};
}

}  // namespace

TypeInfo check_entry_type(const CatalogueEntry& check) {
  return entry_type(check.info->findings, check.info->option_type().members);
}

TypeInfo check_entry_type(const PluginInfo& plugin) { return entry_type({}, plugin.options); }

TypeInfo config_type(const CheckTypes& checks) {
  TypeInfo version = type_info<int>();
  version.rule.min = kConfigVersion;
  version.rule.max = kConfigVersion;
  TypeInfo type{.kind = TypeKind::object};
  type.members.push_back({.name = "version",
                          .help = "the version of this file's form: 1",
                          .required = true,
                          .type = version,
                          .fallback = nullptr});
  std::ranges::copy(type_info<TargetDeclaration>().members, std::back_inserter(type.members));
  type.members.push_back(models_member());
  type.members.push_back({.name = "service",
                          .help = "how the service is started and asked",
                          .required = false,
                          .type = type_info<ServiceDeclaration>(),
                          .fallback = nullptr});
  type.members.push_back(checks_member(checks));
  type.members.push_back({.name = "waivers",
                          .help = "findings that somebody answers for until a day: shown, and not counted",
                          .required = false,
                          .type = type_info<std::vector<WaiverDeclaration>>(),
                          .fallback = Json::array()});
  type.members.push_back({.name = "audit",
                          .help = "when `runupd` audits this target, and which running service it asks",
                          .required = false,
                          .type = type_info<AuditDeclaration>(),
                          .fallback = nullptr});
  type.members.push_back({.name = "plugins",
                          .help = "executables that are checks, relative to this config",
                          .required = false,
                          .type = type_info<std::vector<std::string>>(),
                          .fallback = Json::array()});
  return type;
}

SeverityOverrides severity_overrides(const Json& entry) {
  const auto found = entry.find(std::string(kSeverityOption));
  if (found == entry.end() || found->is_null()) {
    return {};
  }
  if (found->is_object()) {
    return decode<SeverityOverrides>(*found).value_or(SeverityOverrides{});
  }
  const auto severity = decode<Severity>(*found);
  return severity ? SeverityOverrides{{"*", *severity}} : SeverityOverrides{};
}

}  // namespace runup
