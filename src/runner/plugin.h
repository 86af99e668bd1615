// SPDX-License-Identifier: Apache-2.0
#pragma once

// Checks from outside: executables that speak JSON over stdin and stdout. docs/plugins.md is the
// protocol's page. A plugin is untrusted: it runs under the supervisor, with a deadline and limits, and
// whatever it answers is bounded and validated; its death is a value.

#include <array>
#include <string>
#include <vector>

#include "check/outcome.h"
#include "config/plan.h"
#include "facts/facts.h"
#include "probes/supervisor/supervisor.h"

namespace runup {

inline constexpr std::uint32_t kPluginProtocol = 1;

// Absolute paths of the executable files in the plugin folders, sorted; files whose names start with a
// dot or end with `~` are left out. The folders are those of $RUNUP_PLUGIN_DIR (separated by `:`) when
// it is set, else $XDG_DATA_HOME/runup/plugins (~/.local/share/runup/plugins) and
// /usr/lib/runup/plugins.
std::vector<std::string> plugins_of_folders();

// Runs `PATH --describe`. Errors say what was seen and what was expected.
Result<PluginInfo> describe_plugin(Supervisor& supervisor, const std::string& path);

struct PluginTiming {
  Duration took;
};

// Runs the plugin on facts and options. Never fails: a plugin that dies, hangs or answers something
// else than the protocol gives a Judgement that cannot tell, with the cause and the end of its stderr.
Judgement judge_with_plugin(Supervisor& supervisor, const PluginInfo& plugin, const Facts& facts,
                            const Json& options, PluginTiming& timing);

// What the answer to a request means; for tests, and for judge_with_plugin().
Result<Judgement> read_plugin_answer(const std::string& text);
Result<PluginInfo> read_plugin_description(const std::string& path, const std::string& text);

// JSON Schemas (draft 2020-12) of the protocol; the files docs/plugin-*.schema.json are made from them.
Json plugin_describe_schema();
Json plugin_request_schema();
Json plugin_answer_schema();

}  // namespace runup
