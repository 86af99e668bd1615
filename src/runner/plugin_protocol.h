// SPDX-License-Identifier: Apache-2.0
#pragma once

// The plugin protocol's values. docs/plugins.md explains them; its JSON Schemas are made from these
// tables.

#include <array>
#include <string>
#include <vector>

#include "check/outcome.h"
#include "facts/facts.h"

namespace runup {

inline constexpr std::size_t kMaxDescriptionBytes = std::size_t{256} * 1024;
inline constexpr std::size_t kMaxAnswerBytes = std::size_t{4} * 1024 * 1024;

enum class PluginNeed { package, artifact, values, host, runtime, service };
constexpr auto enum_names(PluginNeed) {
  using enum PluginNeed;
  return std::array<std::pair<PluginNeed, std::string_view>, 6>{{{package, "package"},
                                                                 {artifact, "artifact"},
                                                                 {values, "values"},
                                                                 {host, "host"},
                                                                 {runtime, "runtime"},
                                                                 {service, "service"}}};
}

// What `PLUGIN --describe` prints.
struct PluginDescription {
  std::uint32_t protocol = 0;
  std::string id;
  std::string summary;
  std::vector<PluginNeed> needs;
  Json options = Json::object();
  std::string page;
  static constexpr auto fields() {
    return std::tuple{
        Field{"protocol", &PluginDescription::protocol, "the version of this protocol: 1",
              Rule{.required = true, .min = 1, .max = 1}},
        Field{"id", &PluginDescription::id, "the check's name: lower-case words with `-` between them",
              Rule{.required = true, .min = 1, .max = 64}},
        Field{"summary", &PluginDescription::summary, "what must hold, in one line",
              Rule{.required = true, .min = 1, .max = 200}},
        Field{"needs", &PluginDescription::needs, "the facts that it reads"},
        Field{"options", &PluginDescription::options,
              "its options by name, each with `type`, `help`, `default`"},
        Field{"page", &PluginDescription::page, "its page for `runup explain`, in Markdown",
              Rule{.max = 65536}}};
  }
};

// What it gets on stdin.
struct PluginRequest {
  std::uint32_t protocol = 1;
  Facts facts;
  Json options = Json::object();
  static constexpr auto fields() {
    return std::tuple{
        Field{"protocol", &PluginRequest::protocol, "the version of this protocol: 1", kRequired},
        Field{"facts", &PluginRequest::facts, "what was declared and observed about one model", kRequired},
        Field{"options", &PluginRequest::options, "its options, validated, with defaults filled in",
              kRequired}};
  }
};

// What it answers on stdout.
struct PluginAnswer {
  Status outcome = Status::undecided;
  std::vector<Finding> findings;
  std::vector<Evidence> evidence;
  std::string reason;
  static constexpr auto fields() {
    return std::tuple{
        Field{"outcome", &PluginAnswer::outcome,
              "`passed` needs evidence, `failed` a finding of severity `error`, the others a reason",
              kRequired},
        Field{"findings", &PluginAnswer::findings, "the problems that it saw", Rule{.max = 1000}},
        Field{"evidence", &PluginAnswer::evidence, "what it looked at, and what it saw", Rule{.max = 1000}},
        Field{"reason", &PluginAnswer::reason, "why it does not apply, or why it could not tell",
              Rule{.max = 2000}}};
  }
};

}  // namespace runup
