// SPDX-License-Identifier: Apache-2.0
#pragma once

// The resolved, typed config: what will be done, with every path absolute and every default filled
// in, and where each value came from.

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "check/catalogue.h"
#include "config/audit.h"
#include "config/waiver.h"
#include "facts/declaration.h"
#include "facts/service_declaration.h"

namespace runup {

// A check that is not built in: an executable that speaks the plugin protocol.
struct PluginInfo {
  // absolute path of the executable
  std::string path;
  std::string id;
  std::string summary;
  Needs needs;
  std::vector<FieldInfo> options;
  // Markdown page, when `--describe` gave one
  std::string page;
};

// How much of the checklist a run does.
enum class Profile {
  // everything
  gate,
  // beside the running service: it is asked, and no other server is started
  audit,
};
constexpr auto enum_names(Profile) {
  using enum Profile;
  return std::array<std::pair<Profile, std::string_view>, 2>{{{gate, "gate"}, {audit, "audit"}}};
}

// One check on one model.
struct PlannedCheck {
  std::string id;
  // exactly one of the two is set, unless `cannot_run` says why neither is
  const CheckInfo* built_in = nullptr;
  std::optional<PluginInfo> plugin;
  // validated, defaults filled in
  Json options = Json::object();
  SeverityOverrides severity;
  // not empty: the user deselected it (`--skip`, `enabled: false`); it is reported as skipped
  std::string skip_reason;
  // not empty: it applies but cannot run (a plugin that does not start); reported as undecided
  std::string cannot_run;
};

struct PlannedModel {
  std::string name;
  ModelDeclaration declaration;
  std::vector<PlannedCheck> checks;
  // a witness must run an inference (`checks: inference: {required: ...}`)
  bool inference_required = true;
};

struct Plan {
  // absolute path of the config file
  std::string config_file;
  TargetDeclaration target;
  std::vector<PlannedModel> models;
  // `service:`, with absolute paths
  std::optional<ServiceDeclaration> service;
  // `service: env:` — runtime probes get it too, because thread counts (OMP_NUM_THREADS) and
  // allocator settings there change what a model's latency is
  std::map<std::string, std::string> service_environment;
  // probes at a time
  int jobs = 2;
  bool strict = false;
  // `waivers:`, and where the file has each of them (0: it does not)
  std::vector<WaiverDeclaration> waivers;
  std::vector<std::uint64_t> waiver_lines;
  std::optional<AuditDeclaration> audit;
  Profile profile = Profile::gate;
  // what `--select` or `--skip` left out, in words, for Report::remarks
  std::vector<std::string> remarks;
  // key path such as `models.sign.device` -> "runup.yaml:12:5", "default", "--set"
  std::map<std::string, std::string> origins;
  // key path -> the text that the config has, for every path that was made absolute
  std::map<std::string, std::string> written_paths;
  // the whole config after resolving, as JSON of `config_type`; `runup config` prints it
  Json resolved;
  TypeInfo config_type;
};

}  // namespace runup
