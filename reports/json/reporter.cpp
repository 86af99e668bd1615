// SPDX-License-Identifier: Apache-2.0
#include "base/codec.h"
#include "report/report.h"

namespace runup::reports::json {

namespace {

std::string render(const Report& report, const RenderOptions&) { return dump_json(encode(report), 2) + "\n"; }

}  // namespace

extern const ReporterInfo kReporter;
const ReporterInfo kReporter{
    .name = "json", .summary = "for programs: everything, versioned, with a JSON schema", .render = render};

}  // namespace runup::reports::json
