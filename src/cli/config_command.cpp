// SPDX-License-Identifier: Apache-2.0
#include "cli/config_command.h"

#include "check/catalogue.h"
#include "cli/plan_source.h"
#include "config/config_schema.h"
#include "config/plan_text.h"

namespace runup {

namespace {

constexpr int kIndent = 2;

// {config, values, origins}: `values` in the JSON form (durations in seconds), `origins` by key path.
Json plan_json(const Plan& plan) {
  return Json{{"config", encode_text(plan.config_file)},
              {"values", plan.resolved},
              {"origins", encode(plan.origins)},
              {"written_paths", encode(plan.written_paths)}};
}

}  // namespace

ExitCode config_command(const ConfigArguments& arguments, const Session&) {
  if (arguments.schema) {
    print(dump_json(config_schema(built_in_checks()), kIndent) + "\n");
    return ExitCode::ready;
  }
  const SignalWatch signals;
  const auto plan = load_plan({.config = arguments.config, .set = arguments.set}, &SignalWatch::flag());
  if (!plan) {
    print_errors(plan.error());
    return exit_code(plan.error());
  }
  print(arguments.json ? dump_json(plan_json(*plan), kIndent) + "\n" : render_plan(*plan));
  return ExitCode::ready;
}

}  // namespace runup
