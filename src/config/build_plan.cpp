// SPDX-License-Identifier: Apache-2.0
#include "config/build_plan.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <format>
#include <utility>

#include "config/key_path.h"
#include "config/paths.h"

namespace runup {

namespace {

constexpr int kLastOrder = 1000;
constexpr std::string_view kInferenceCheck = "inference";

// The file's name alone: reports show it on every line, and the plan says where it is.
std::string origin_text(const std::string& file_name, const Place& place) {
  return place.source != 0 ? "--set" : std::format("{}:{}:{}", file_name, place.line, place.column);
}

void collect_origins(const Json& value, const std::string& path, const std::string& inherited,
                     const std::map<std::string, Written>& written, const std::string& file_name,
                     std::map<std::string, std::string>& origins) {
  const auto found = written.find(path);
  const std::string own = found == written.end() ? inherited : origin_text(file_name, found->second.key);
  if (!path.empty()) {
    origins[path] = own;
  }
  // Inside something that is not in the file, everything is a default.
  const std::string below = found == written.end() ? inherited : "default";
  if (value.is_object()) {
    for (const auto& [key, member] : value.items()) {
      collect_origins(member, child_path(path, decode_text(key).value_or(key)), below, written, file_name,
                      origins);
    }
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      collect_origins(value[i], item_path(path, i), below, written, file_name, origins);
    }
  }
}

int reading_order(const CatalogueEntry& check) {
  const std::string text = page_field(check.page, "order");
  int order = kLastOrder;
  std::from_chars(text.data(), text.data() + text.size(), order);
  return order;
}

// The options proper of a `checks.ID` entry.
Json options_of(Json entry) {
  entry.erase(std::string(kEnabledOption));
  entry.erase(std::string(kSeverityOption));
  return entry;
}

std::vector<PlannedCheck> planned_checks(const PlanParts& parts,
                                         const std::map<std::string, std::string>& origins) {
  const Json& entries = parts.bound.value["checks"];
  const auto plan_one = [&](const std::string& id) {
    PlannedCheck check{.id = id};
    const auto entry = entries.find(id);
    if (entry != entries.end() && entry->is_object()) {
      check.options = options_of(*entry);
      check.severity = severity_overrides(*entry);
      if (!entry->value(std::string(kEnabledOption), true)) {
        const auto origin = origins.find(child_path(child_path("checks", id), kEnabledOption));
        check.skip_reason = std::format("`enabled: false`{}",
                                        origin == origins.end() ? "" : std::format(" ({})", origin->second));
      }
    }
    return check;
  };
  std::vector<CatalogueEntry> ordered(parts.checks.built_in.begin(), parts.checks.built_in.end());
  std::ranges::stable_sort(ordered, {}, [](const CatalogueEntry& entry) {
    return std::pair(reading_order(entry), entry.info->id);
  });
  std::vector<PlannedCheck> checks;
  for (const CatalogueEntry& entry : ordered) {
    checks.push_back(plan_one(std::string(entry.info->id)));
    checks.back().built_in = entry.info;
  }
  for (const PluginInfo& plugin : parts.checks.plugins) {
    checks.push_back(plan_one(plugin.id));
    checks.back().plugin = plugin;
  }
  for (const FailedPlugin& failed : parts.failed_plugins) {
    checks.push_back(plan_one(std::filesystem::path(failed.path).stem().string()));
    checks.back().cannot_run =
        std::format("the plugin `{}` cannot be asked what it is: {}", failed.path, failed.reason);
  }
  return checks;
}

// Decodes what binding has already checked; a mismatch would be a bug of ours, and an empty value
// is then caught by the checks.
template <class T>
T bound_value(const Json& json) {
  return decode<T>(json).value_or(T{});
}

}  // namespace

Plan build_plan(PlanParts parts) {
  const std::filesystem::path file(parts.config_file);
  Plan plan{.config_file = parts.config_file};
  Json& config = parts.bound.value;
  collect_origins(config, "", "default", parts.bound.written, file.filename().string(), plan.origins);

  plan.target = bound_value<TargetDeclaration>(config);
  PathResolver paths(file.parent_path().string(), plan.target);
  const Json target = encode(plan.target);
  for (const auto& [key, value] : target.items()) {
    config[key] = value;
  }
  const std::vector<PlannedCheck> checks = planned_checks(parts, plan.origins);
  for (auto& [name, value] : config["models"].items()) {
    PlannedModel model{.name = decode_text(name).value_or(name),
                       .declaration = bound_value<ModelDeclaration>(value)};
    paths.resolve_model(model.name, model.declaration);
    value = encode(model.declaration);
    model.checks = checks;
    const auto inference = std::ranges::find(checks, kInferenceCheck, &PlannedCheck::id);
    model.inference_required = inference == checks.end() || inference->options.value("required", true);
    plan.models.push_back(std::move(model));
  }
  if (const auto service = config.find("service"); service != config.end()) {
    paths.resolve_service(*service);
    plan.service = bound_value<ServiceDeclaration>(*service);
    plan.service_environment = plan.service->env;
  }
  plan.waivers = bound_value<std::vector<WaiverDeclaration>>(config["waivers"]);
  for (std::size_t i = 0; i < plan.waivers.size(); ++i) {
    const auto written = parts.bound.written.find(item_path("waivers", i));
    const bool in_file = written != parts.bound.written.end() && written->second.key.source == 0;
    plan.waiver_lines.push_back(in_file ? written->second.key.line : 0);
  }
  if (const auto audit = config.find("audit"); audit != config.end()) {
    plan.audit = bound_value<AuditDeclaration>(*audit);
  }
  auto& plugins = config["plugins"];
  for (std::size_t i = 0; i < plugins.size(); ++i) {
    plugins[i] = encode_text(paths.resolve_plugin(i, bound_value<std::string>(plugins[i])));
  }
  plan.written_paths = paths.written();
  plan.resolved = std::move(config);
  plan.config_type = std::move(parts.type);
  return plan;
}

}  // namespace runup
