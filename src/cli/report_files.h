// SPDX-License-Identifier: Apache-2.0
#pragma once

// `--report FORMAT[=PATH]`.

#include <string>
#include <vector>

#include "base/result.h"
#include "report/report.h"

namespace runup {

struct ReportTarget {
  const ReporterInfo* format = nullptr;
  // empty: standard output
  std::string path;
};

// Refuses unknown formats, two reports in one place, and places where nothing can be written, so
// that a long run does not end without its report. Unless a report goes to standard output, text is
// added there.
Result<std::vector<ReportTarget>> read_report_targets(const std::vector<std::string>& arguments);

// Files are written beside their place and renamed, so that a reader never sees half a report; what
// is no regular file (a pipe, /dev/stderr) is written to directly.
Result<void> write_report(const ReportTarget& target, const std::string& content);

}  // namespace runup
