// SPDX-License-Identifier: Apache-2.0
#include "config/paths.h"

#include <filesystem>
#include <utility>

#include "config/key_path.h"

namespace runup {

namespace {

bool is_absolute(const std::string& path) { return path.starts_with('/'); }

// The part of `path` below `folder` ("" for itself), or nothing when it is not below.
std::optional<std::string> below(const std::string& path, const std::string& folder) {
  if (path == folder) {
    return "";
  }
  const std::string prefix = folder.ends_with('/') ? folder : folder + "/";
  return path.starts_with(prefix) ? std::optional(path.substr(prefix.size())) : std::nullopt;
}

}  // namespace

std::string resolve_path(const std::string& folder, const std::string& path) {
  std::string normal = (std::filesystem::path(folder) / path).lexically_normal().string();
  while (normal.size() > 1 && normal.ends_with('/')) {
    normal.pop_back();
  }
  return normal;
}

PathResolver::PathResolver(std::string folder, TargetDeclaration& target) : folder_(std::move(folder)) {
  beside_config("package", target.package);
  package_ = target.package;
  if (!target.installed_at.empty()) {
    target.installed_at = resolve_path("/", target.installed_at);
    installed_at_ = target.installed_at;
  }
  for (std::size_t i = 0; i < target.mounts.size(); ++i) {
    target.mounts[i].at = resolve_path("/", target.mounts[i].at);
    beside_config(child_path(item_path("mounts", i), "from"), target.mounts[i].from);
  }
  mounts_ = target.mounts;
  entry_folder_ = package_;
  as_service_opens("entrypoint", target.entrypoint);
  as_service_opens("python", target.python);
  as_service_opens("onnxruntime", target.onnxruntime);
  for (std::size_t i = 0; i < target.writable.size(); ++i) {
    as_service_opens(item_path("writable", i), target.writable[i]);
  }
  if (!target.entrypoint.empty()) {
    entry_folder_ = std::filesystem::path(target.entrypoint).parent_path().string();
  }
}

void PathResolver::resolve_model(const std::string& name, ModelDeclaration& model) {
  const std::string key = child_path("models", name);
  as_service_opens(child_path(key, "path"), model.path);
  beside_config(child_path(key, "architecture"), model.architecture);
  if (model.labels) {
    as_service_opens(child_path(child_path(key, "labels"), "path"), model.labels->path);
  }
  for (std::size_t i = 0; i < model.conversions.size(); ++i) {
    const std::string conversion = item_path(child_path(key, "conversions"), i);
    as_service_opens(child_path(conversion, "path"), model.conversions[i].path);
  }
  for (std::size_t i = 0; i < model.samples.size(); ++i) {
    const std::string sample = item_path(child_path(key, "samples"), i);
    beside_config(child_path(sample, "input"), model.samples[i].input);
    beside_config(child_path(sample, "output"), model.samples[i].output);
    for (auto& [input, file] : model.samples[i].inputs) {
      beside_config(child_path(child_path(sample, "inputs"), input), file);
    }
  }
}

void PathResolver::resolve_service(Json& service) {
  const auto resolve = [&](Json& object, const char* member, const std::string& key) {
    if (auto path =
            object.contains(member) ? decode<std::string>(object[member]) : fail(ErrorCode::not_found, "");
        path) {
      beside_config(key, *path);
      object[member] = encode_text(*path);
    }
  };
  resolve(service, "env_file", "service.env_file");
  if (service.contains("predict") && service["predict"].is_object()) {
    resolve(service["predict"], "body", "service.predict.body");
  }
}

std::string PathResolver::resolve_plugin(std::size_t index, const std::string& path) {
  std::string absolute = path;
  beside_config(item_path("plugins", index), absolute);
  return absolute;
}

void PathResolver::beside_config(const std::string& key, std::string& path) {
  if (!path.empty()) {
    written_[key] = path;
    path = resolve_path(folder_, path);
  }
}

void PathResolver::as_service_opens(const std::string& key, std::string& path) {
  if (path.empty()) {
    return;
  }
  written_[key] = path;
  if (is_absolute(path)) {
    const std::string on_server = resolve_path("/", path);
    path = to_local(on_server).value_or(on_server);
    return;
  }
  const std::string beside_entry = resolve_path(entry_folder_, path);
  const auto entry_in_package = below(entry_folder_, package_);
  if (!installed_at_.empty() && entry_in_package) {
    // A mount may lie over a folder of the package. What leaves `installed_at` without reaching a
    // mount stays beside the package, where a check will find it missing or outside.
    const std::string on_server = resolve_path(resolve_path(installed_at_, *entry_in_package), path);
    path = to_local(on_server).value_or(beside_entry);
  } else {
    path = beside_entry;
  }
}

std::optional<std::string> PathResolver::to_local(const std::string& server_path) const {
  std::optional<std::string> best;
  std::size_t best_length = 0;
  const auto consider = [&](const std::string& at, const std::string& from) {
    const auto rest = at.empty() ? std::nullopt : below(server_path, at);
    if (rest && at.size() > best_length) {
      best = resolve_path(from, *rest);
      best_length = at.size();
    }
  };
  consider(installed_at_, package_);
  for (const MountDeclaration& mount : mounts_) {
    consider(mount.at, mount.from);
  }
  return best;
}

}  // namespace runup
