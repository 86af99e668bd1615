// SPDX-License-Identifier: Apache-2.0
#include "config/validate.h"

#include <algorithm>
#include <charconv>
#include <format>
#include <set>
#include <string_view>

#include "base/text.h"
#include "config/audit.h"
#include "config/bind_messages.h"
#include "config/config_file.h"
#include "config/scalar.h"
#include "config/validation.h"
#include "config/waiver.h"
#include "facts/declaration.h"
#include "facts/service_declaration.h"

namespace runup {

namespace {

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// Names become parts of ids such as `target/model/check`, of file names and of JUnit class names.
bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 100 && is_letter_or_digit(text.front()) &&
         std::ranges::all_of(
             text, [](char c) { return is_letter_or_digit(c) || c == '.' || c == '_' || c == '-'; });
}

bool is_environment_name(std::string_view text) {
  return !text.empty() && !(text.front() >= '0' && text.front() <= '9') &&
         std::ranges::all_of(text, [](char c) { return is_letter_or_digit(c) || c == '_'; });
}

bool is_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) {
    return false;
  }
  const std::string_view digits = text.substr(colon + 1);
  unsigned port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return error == std::errc{} && end == digits.data() + digits.size() && port >= 1 && port <= 65535;
}

constexpr std::string_view kNameRule = "expected a letter or digit, then letters, digits, `.`, `_` or `-`";

void require_absolute(const Scope& scope, const std::string& path, const std::string& value,
                      std::string_view meaning) {
  if (!value.empty() && !value.starts_with('/')) {
    scope.complain(path, std::format("`{}` is `{}`; expected an absolute path, {}", last_part(path),
                                     shown(value), meaning));
  }
}

void validate_mounts(const Scope& config) {
  const auto mounts = config.items<MountDeclaration>("mounts");
  std::set<std::string> places;
  for (std::size_t i = 0; mounts && i < mounts->size(); ++i) {
    const auto& mount = (*mounts)[i];
    if (!mount) {
      continue;
    }
    const std::string path = child_path(item_path("mounts", i), "at");
    if (mount->at.empty()) {
      config.complain(path, "`at` is empty; expected an absolute path, as the server sees it");
    } else if (!places.insert(mount->at).second) {
      config.complain(
          path, std::format("`{}` is mounted twice; expected one mount for each place", shown(mount->at)));
    }
    require_absolute(config, path, mount->at, "as the server sees it");
  }
}

void validate_target(const Scope& config) {
  if (const auto name = config.get<std::string>("target"); name && !is_name(*name)) {
    config.complain(config.path_of("target"), std::format("`target` is `{}`; {}", shown(*name), kNameRule));
  }
  if (const auto installed = config.get<std::string>("installed_at")) {
    require_absolute(config, "installed_at", *installed, "as the package has it on the server");
  }
  validate_mounts(config);
}

void validate_url_path(const Scope& service, std::string_view key, const std::string& value) {
  const bool other_port =
      value.starts_with(':') && value.contains('/') && is_address("host" + value.substr(0, value.find('/')));
  if (!value.empty() && !value.starts_with('/') && !other_port) {
    service.complain(
        service.path_of(key),
        std::format("`{}` is `{}`; expected a URL path such as `/health`, or `:9090/health` where it is "
                    "on another port",
                    key, shown(value)));
  }
}

void validate_service(const Scope& service) {
  for (const std::string_view key : {"liveness", "readiness"}) {
    validate_url_path(service, key, service.get<std::string>(key).value_or(""));
  }
  if (const auto predict = service.get<PredictDeclaration>("predict");
      predict && !predict->path.starts_with('/')) {
    service.complain(
        child_path(service.path_of("predict"), "path"),
        std::format("`path` is `{}`; expected a URL path that starts with `/`", shown(predict->path)));
  }
  if (const auto network = service.get<NetworkDeclaration>("network")) {
    for (std::size_t i = 0; i < network->allow.size(); ++i) {
      if (!is_address(network->allow[i])) {
        service.complain(item_path(child_path(service.path_of("network"), "allow"), i),
                         std::format("`{}` is no address; expected HOST:PORT such as `127.0.0.1:6379`",
                                     shown(network->allow[i])));
      }
    }
  }
  const auto stubs = service.get<std::vector<std::string>>("stubs").value_or(std::vector<std::string>{});
  for (std::size_t i = 0; i < stubs.size(); ++i) {
    if (!stubs[i].starts_with("tcp:") || !is_address(stubs[i])) {
      service.complain(item_path(service.path_of("stubs"), i),
                       std::format("`{}` is no stub; expected tcp:PORT or tcp:HOST:PORT such as `tcp:6379`",
                                   shown(stubs[i])));
    }
  }
  const auto environment = service.get<Json>("env").value_or(Json::object());
  for (const auto& [encoded, value] : environment.items()) {
    const std::string name = decode_text(encoded).value_or(encoded);
    if (!is_environment_name(name)) {
      service.complain_about_key(
          child_path(service.path_of("env"), name),
          std::format("`{}` is no name of an environment variable; expected letters, digits and `_`",
                      shown(name)));
    }
  }
}

void validate_plugins(const Scope& config) {
  const auto plugins = config.get<std::vector<std::string>>("plugins").value_or(std::vector<std::string>{});
  for (std::size_t i = 0; i < plugins.size(); ++i) {
    const std::string path = item_path("plugins", i);
    if (plugins[i].empty()) {
      config.complain(path, "the plugin's path is empty; expected an executable file");
    } else if (std::ranges::count(plugins.begin(), plugins.begin() + static_cast<std::ptrdiff_t>(i),
                                  plugins[i]) > 0) {
      config.complain(path, std::format("the plugin `{}` is named twice", shown(plugins[i])));
    }
  }
}

// The keys of an object type; empty for any other.
std::vector<std::string> member_names(const TypeInfo& type) {
  std::vector<std::string> names;
  for (const FieldInfo& member : type.members) {
    names.push_back(member.name);
  }
  return names;
}

const FieldInfo* find_member(const TypeInfo& type, std::string_view name) {
  const auto found = std::ranges::find(type.members, name, &FieldInfo::name);
  return found == type.members.end() ? nullptr : &*found;
}

// The finding ids of a check, by the form that `severity:` takes; empty where they are not known (plugins).
std::vector<std::string> finding_names(const TypeInfo& check) {
  const FieldInfo* severity = find_member(check, kSeverityOption);
  if (severity != nullptr) {
    for (const TypeInfo& form : severity->type.any_of) {
      if (form.kind == TypeKind::object) {
        return member_names(form);
      }
    }
  }
  return {};
}

void validate_waived(const Scope& config, const std::string& path, const WaiverDeclaration& waiver,
                     const TypeInfo& type, bool all_checks_known) {
  const FieldInfo* checks = find_member(type, "checks");
  const FieldInfo* check = checks == nullptr ? nullptr : find_member(checks->type, waiver.check());
  if (checks == nullptr || check == nullptr) {
    if (all_checks_known) {
      config.complain(
          path, unknown_word("unknown check", waiver.check(),
                             checks == nullptr ? std::vector<std::string>{} : member_names(checks->type)));
    }
    return;
  }
  const std::vector<std::string> findings = finding_names(check->type);
  if (waiver.finding() != "*" && !findings.empty() && !std::ranges::contains(findings, waiver.finding())) {
    config.complain(
        path, unknown_word(std::format("`{}` has no finding", waiver.check()), waiver.finding(), findings));
  }
}

void validate_waivers(const Scope& config, const TypeInfo& type, bool all_checks_known) {
  const auto waivers = config.items<WaiverDeclaration>("waivers");
  for (std::size_t i = 0; waivers && i < waivers->size(); ++i) {
    const auto& waiver = (*waivers)[i];
    if (!waiver) {
      continue;
    }
    const std::string path = item_path("waivers", i);
    validate_waived(config, child_path(path, "finding"), *waiver, type, all_checks_known);
    std::vector<std::string> models;
    for (const auto& [name, model] : config.entries("models")) {
      models.push_back(name);
    }
    if (!waiver->model.empty() && !std::ranges::contains(models, waiver->model)) {
      config.complain(child_path(path, "model"), unknown_word("unknown model", waiver->model, models));
    }
    if (!parse_day(waiver->expires)) {
      config.complain(
          child_path(path, "expires"),
          std::format("`{}` is no day; expected one such as `2026-12-31`", shown(waiver->expires)));
    }
  }
}

bool is_local_url(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme)) {
    return false;
  }
  url.remove_prefix(kScheme.size());
  const std::string_view authority = url.substr(0, url.find('/'));
  const std::string_view host = authority.substr(0, authority.rfind(':'));
  return (host == "127.0.0.1" || host == "localhost") && is_address(authority) &&
         (authority.size() == url.size() || authority.size() + 1 == url.size());
}

void validate_audit(const Scope& audit) {
  if (audit.is_written("every") && audit.is_written("calendar")) {
    audit.complain_about_key(audit.path_of("calendar"),
                             "both `every` and `calendar` are given; expected one of them");
  }
  if (const std::string url = audit.get<std::string>("url").value_or("");
      !url.empty() && !is_local_url(url)) {
    audit.complain(audit.path_of("url"),
                   std::format("`url` is `{}`; expected the service's address on this host, such as "
                               "`http://127.0.0.1:8000`, without a path",
                               shown(url)));
  }
  if (const std::string unit = audit.get<std::string>("unit").value_or("");
      !unit.empty() && (!unit.ends_with(".service") || unit.contains('/'))) {
    audit.complain(
        audit.path_of("unit"),
        std::format("`unit` is `{}`; expected a systemd service such as `sign.service`", shown(unit)));
  }
}

}  // namespace

void validate(Bound& bound, const TypeInfo& type, bool all_checks_known) {
  // Diagnostics are added while the value is read.
  const Json config = bound.value;
  if (!config.is_object()) {
    return;
  }
  const Scope top(bound, config, "");
  validate_target(top);
  validate_plugins(top);
  validate_waivers(top, type, all_checks_known);
  for (const auto& [name, model] : top.entries("models")) {
    if (!is_name(name)) {
      model.complain_about_key(model.path(),
                               std::format("the model's name is `{}`; {}", shown(name), kNameRule));
    }
    validate_model(model);
  }
  if (const auto service = config.find("service"); service != config.end() && service->is_object()) {
    validate_service(Scope(bound, *service, "service"));
  }
  if (const auto audit = config.find("audit"); audit != config.end() && audit->is_object()) {
    validate_audit(Scope(bound, *audit, "audit"));
  }
}

}  // namespace runup
