// SPDX-License-Identifier: Apache-2.0
#include "config/load.h"

#include <algorithm>
#include <filesystem>
#include <format>
#include <set>
#include <utility>

#include "base/bytes.h"
#include "base/text.h"
#include "config/binder.h"
#include "config/build_plan.h"
#include "config/config_file.h"
#include "config/key_path.h"
#include "config/override.h"
#include "config/paths.h"
#include "config/scalar.h"
#include "config/selection.h"
#include "config/validate.h"

namespace runup {

namespace {

constexpr int kMaxJobs = 256;

using Errors = std::vector<ConfigError>;

class Loader {
 public:
  explicit Loader(const LoadRequest& request) : request_(request), notes_(request.set.size() + 1) {}

  std::expected<Plan, Errors> load() {
    check_arguments();
    if (!read_tree()) {
      return failure();
    }
    if (is_other_version()) {
      return failure();
    }
    apply_overrides();
    const bool has_plugins = !request_.plugins.empty() || find(root_, "plugins") != nullptr;
    CheckTypes checks{.built_in = request_.catalogue};
    if (has_plugins) {
      // Plugins run only for a config that is otherwise right, so their checks come in a second pass.
      checks.tolerated = unknown_checks(checks);
    }
    TypeInfo type = config_type(checks);
    Bound bound = bind_and_validate(type, !has_plugins);
    std::vector<FailedPlugin> failed;
    if (has_plugins && errors_.empty()) {
      checks.tolerated.clear();
      describe_plugins(bound, checks, failed);
      if (!failed.empty()) {
        checks.tolerated = unknown_checks(checks);
      }
      type = config_type(checks);
      bound = bind_and_validate(type, failed.empty());
    }
    if (!errors_.empty()) {
      return failure();
    }
    Plan plan = build_plan({.config_file = file_,
                            .bound = std::move(bound),
                            .type = std::move(type),
                            .checks = std::move(checks),
                            .failed_plugins = std::move(failed)});
    return finish(std::move(plan));
  }

 private:
  std::expected<Plan, Errors> failure() {
    // The file's errors by place, then those of the command line in its order.
    std::ranges::stable_sort(errors_, {}, [](const ConfigError& error) {
      return std::tuple(error.command_line, error.line, error.column,
                        error.command_line ? std::string() : error.message);
    });
    const auto repeated = std::ranges::unique(errors_);
    errors_.erase(repeated.begin(), repeated.end());
    return std::unexpected(std::move(errors_));
  }

  void complain(const Diagnostic& diagnostic) {
    const Place& place = diagnostic.place;
    if (place.source == 0) {
      errors_.push_back({.source = request_.config,
                         .line = place.line,
                         .column = place.column,
                         .message = diagnostic.message});
      return;
    }
    std::string message = diagnostic.message;
    std::string& note = notes_[place.source];
    if (!note.empty() && message.find("did you mean") == std::string::npos) {
      message += std::format("; {}", std::exchange(note, ""));
    }
    complain_about_argument("--set " + printable(request_.set[place.source - 1]), std::move(message));
  }
  void complain_about_argument(std::string argument, std::string message) {
    errors_.push_back({.source = std::move(argument), .message = std::move(message), .command_line = true});
  }

  void check_arguments() {
    if (request_.jobs && (*request_.jobs < 1 || *request_.jobs > kMaxJobs)) {
      complain_about_argument(std::format("--jobs {}", *request_.jobs),
                              std::format("expected 1 to {}", kMaxJobs));
    }
  }

  bool read_tree() {
    std::error_code ignored;
    const std::filesystem::path given(request_.config);
    const std::filesystem::path absolute =
        given.is_absolute() ? given : std::filesystem::current_path(ignored) / given;
    file_ = resolve_path("/", absolute.string());
    if (std::filesystem::is_directory(file_, ignored)) {
      complain(
          {{},
           std::format("this is a folder; expected a file such as `{}`", (given / "runup.yaml").string())});
      return false;
    }
    auto text = read_file(file_, kMaxConfigBytes);
    if (!text) {
      complain({{},
                text.error().code == ErrorCode::not_found
                    ? "there is no such file; expected a config (`runup run CONFIG`, default `runup.yaml`)"
                    : text.error().describe()});
      return false;
    }
    auto root = parse_yaml(*text);
    if (!root) {
      complain(root.error());
      return false;
    }
    root_ = std::move(*root);
    if (root_.kind == YamlKind::null) {
      complain({{.line = 1, .column = 1},
                "the config is empty; expected at least `version`, `target` and `models`"});
      return false;
    }
    return true;
  }

  void apply_overrides() {
    for (std::uint32_t i = 0; i < request_.set.size(); ++i) {
      // One that fails halfway leaves no trace.
      YamlNode changed = root_;
      if (auto note = apply_override(changed, request_.set[i], i + 1)) {
        notes_[i + 1] = std::move(*note);
        root_ = std::move(changed);
      } else {
        complain(note.error());
      }
    }
  }

  static const YamlEntry* find(const YamlNode& map, std::string_view key) {
    const auto found = std::ranges::find(map.entries, key, &YamlEntry::key);
    return found == map.entries.end() ? nullptr : &*found;
  }

  // The keys of another version would all be called unknown.
  bool is_other_version() {
    const YamlEntry* version = find(root_, "version");
    const Seen seen = version == nullptr ? Seen{NullValue{}} : resolve(version->value);
    const auto* number = std::get_if<IntegerValue>(&seen);
    if (number == nullptr || number->value <= kConfigVersion) {
      return false;
    }
    complain({version->value.place, std::format("`version` is {}; this runup reads version {}",
                                                shown(version->value.text), kConfigVersion)});
    return true;
  }

  std::vector<std::string> unknown_checks(const CheckTypes& checks) const {
    std::vector<std::string> unknown;
    const YamlEntry* entries = find(root_, "checks");
    for (const YamlEntry& entry : entries == nullptr ? std::vector<YamlEntry>{} : entries->value.entries) {
      const bool known =
          std::ranges::any_of(checks.built_in,
                              [&](const CatalogueEntry& own) { return own.info->id == entry.key; }) ||
          std::ranges::find(checks.plugins, entry.key, &PluginInfo::id) != checks.plugins.end();
      if (!known && std::ranges::find(unknown, entry.key) == unknown.end()) {
        unknown.push_back(entry.key);
      }
    }
    return unknown;
  }

  Bound bind_and_validate(const TypeInfo& type, bool all_checks_known) {
    Bound bound = bind(root_, type);
    validate(bound, type, all_checks_known);
    std::ranges::for_each(bound.diagnostics, [this](const Diagnostic& one) { complain(one); });
    return bound;
  }

  void describe_plugins(const Bound& bound, CheckTypes& checks, std::vector<FailedPlugin>& failed) {
    const std::string folder = std::filesystem::path(file_).parent_path().string();
    std::vector<std::pair<std::string, Place>> paths;
    const auto named =
        decode<std::vector<std::string>>(bound.value["plugins"]).value_or(std::vector<std::string>{});
    for (std::size_t i = 0; i < named.size(); ++i) {
      const auto written = bound.written.find(item_path("plugins", i));
      paths.emplace_back(resolve_path(folder, named[i]),
                         written == bound.written.end() ? Place{} : written->second.value);
    }
    for (const std::string& path : request_.plugins) {
      paths.emplace_back(path, Place{});
    }
    std::set<std::string> seen;
    for (const auto& [path, place] : paths) {
      if (!seen.insert(path).second) {
        continue;
      }
      auto info = request_.describe_plugin ? request_.describe_plugin(path)
                                           : fail(ErrorCode::unsupported, "plugins are not run here");
      if (!info) {
        failed.push_back({path, info.error().describe()});
      } else if (const std::string clash = clash_of(*info, checks); !clash.empty()) {
        complain({place, std::format("the plugin `{}` {}", printable(path), clash)});
      } else {
        info->path = path;
        checks.plugins.push_back(std::move(*info));
      }
    }
  }

  // What keeps the plugin from standing beside the other checks; empty when nothing does.
  static std::string clash_of(const PluginInfo& info, const CheckTypes& checks) {
    if (info.id.empty() ||
        info.id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") != std::string::npos) {
      return std::format("calls itself `{}`; expected an id of lower-case letters, digits and `-`",
                         shown(info.id));
    }
    if (std::ranges::any_of(checks.built_in,
                            [&](const CatalogueEntry& own) { return own.info->id == info.id; })) {
      return std::format("calls itself `{}`, which is a built-in check; expected an id of its own", info.id);
    }
    if (const auto other = std::ranges::find(checks.plugins, info.id, &PluginInfo::id);
        other != checks.plugins.end()) {
      return std::format("calls itself `{}`, as does `{}`; expected an id of its own", info.id,
                         printable(other->path));
    }
    for (const FieldInfo& option : info.options) {
      if (option.name == kEnabledOption || option.name == kSeverityOption) {
        return std::format("has an option `{}`, which every check has already; expected another name",
                           option.name);
      }
    }
    return {};
  }

  std::expected<Plan, Errors> finish(Plan plan) {
    plan.jobs = request_.jobs.value_or(plan.jobs);
    plan.strict = request_.strict;
    for (SelectionError& error : apply_selection(plan, request_.select, request_.skip)) {
      complain_about_argument(std::move(error.argument), std::move(error.message));
    }
    apply_profile(plan, request_.profile);
    if (!errors_.empty()) {
      return failure();
    }
    return plan;
  }

  const LoadRequest& request_;
  std::string file_;
  YamlNode root_;
  // by source
  std::vector<std::string> notes_;
  Errors errors_;
};

}  // namespace

std::string ConfigError::text() const {
  return line == 0 ? std::format("{}: {}", source, message)
                   : std::format("{}:{}:{}: {}", source, line, column, message);
}

std::expected<Plan, std::vector<ConfigError>> load_config(const LoadRequest& request) {
  return Loader(request).load();
}

SetupError as_setup_error(const ConfigError& error) {
  return {.file = error.source, .line = error.line, .column = error.column, .message = error.message};
}

ExitCode exit_code(const std::vector<ConfigError>& errors) {
  const bool only_command_line = !errors.empty() && std::ranges::all_of(errors, &ConfigError::command_line);
  return only_command_line ? ExitCode::bad_command_line : ExitCode::bad_config;
}

}  // namespace runup
