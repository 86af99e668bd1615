// SPDX-License-Identifier: Apache-2.0
#pragma once

// A report as it lies in the history: its JSON, compressed by zlib. Most of a report is said again in the next one and
// within itself; it becomes about a tenth.

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "report/report.h"

namespace runup {

struct PackedReport {
  // of the JSON
  std::uint64_t bytes = 0;
  std::string deflated;
};

// `limit` for more than 256 MiB of JSON.
Result<PackedReport> pack(const Report& report);
// `bytes` and `deflated` are untrusted: at most 256 MiB are made of them. Errors: `bad_input`.
Result<Report> unpack(std::uint64_t bytes, Bytes deflated);

}  // namespace runup
