// SPDX-License-Identifier: Apache-2.0
#pragma once

// What every format says in the same words, so that no two formats disagree about a report.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "report/layout.h"
#include "report/report.h"

namespace runup {

struct ReportCounts {
  std::size_t passed = 0;
  std::size_t failed = 0;
  std::size_t skipped = 0;
  std::size_t undecided = 0;
  std::size_t errors = 0;
  std::size_t warnings = 0;
  std::size_t notes = 0;
  // of any severity; not among the others
  std::size_t accepted = 0;
};

ReportCounts count(const std::vector<CheckResult>& results);

// "1 error, 2 warnings, 1 accepted"; kinds without a finding are left out, and without any it is empty.
std::string findings_text(const ReportCounts& counts);
std::string findings_text(const std::vector<Finding>& findings);
// "accepted until 2026-12-31 by ml-platform: the encoder is retrained next week"
std::string acceptance_text(const Acceptance& acceptance);
// "`label-encoder/blank-class` of `sign`", and what became of it: "accepts 1 finding until 2026-12-31 (34 days); ..."
std::string waiver_name(const WaiverReport& waiver);
std::string waiver_text(const WaiverReport& waiver);
// It has to be removed or renewed.
bool is_out_of_date(const WaiverReport& waiver);

// "5 passed, 1 failed, 1 undecided"
std::string statuses_text(const ReportCounts& counts);

// "READY", "NOT READY", "UNDECIDED"
std::string_view verdict_words(Verdict verdict);
Tone tone_of(Verdict verdict);

// "models/sign.pth:12, `label_encoder`"; empty when nothing is known.
std::string location_text(const Location& where);
// "runup.yaml:4:3: unknown key `modles`"; parts that are not known are left out.
std::string setup_error_text(const SetupError& error);
// "libtorch 2.6.0 on cpu (state_dict + architecture source)"
std::string witness_text(const ReportWitness& witness);

// The file that a finding is about, for programs that open it: relative to `folder` (RenderOptions) below it, else
// absolute. The config's where the finding is about a key of it, or about no file.
std::string path_of(const Report& report, const Location& where, std::string_view folder);
// The same of any file; one that is not absolute is the package's.
std::string path_of(const Report& report, std::string_view file, std::string_view folder);

// The models that the results name, in plan order, each once.
std::vector<std::string> models_of(const Report& report);

}  // namespace runup
