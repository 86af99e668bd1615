// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "check/outcome.h"
#include "facts/past.h"

namespace runup {

enum class Verdict { ready, not_ready, undecided };
constexpr auto enum_names(Verdict) {
  using enum Verdict;
  return std::array<std::pair<Verdict, std::string_view>, 3>{
      {{ready, "ready"}, {not_ready, "not-ready"}, {undecided, "undecided"}}};
}

// The process's exit codes, the same for every command and format. 64 and 78 are EX_USAGE and
// EX_CONFIG of sysexits.h.
enum class ExitCode : int {
  ready = 0,
  not_ready = 1,
  undecided = 2,
  bad_command_line = 64,
  bad_config = 78,
  interrupted = 130,
};

// One check on one model.
struct CheckResult {
  // `label-encoder`
  std::string check;
  // the model's name in `models:`
  std::string model;
  Outcome outcome;
  // what observing its facts took; facts that several checks use count for each of them
  Duration took;
  // empty for a built-in check, else the plugin's file
  std::string plugin;
  bool operator==(const CheckResult&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"check", &CheckResult::check, "the check's id", kRequired},
                      Field{"model", &CheckResult::model, "the model's name in `models:`", kRequired},
                      Field{"outcome", &CheckResult::outcome, "what the check found", kRequired},
                      Field{"took", &CheckResult::took, "seconds that observing its facts took"},
                      Field{"plugin", &CheckResult::plugin, "the plugin's file; empty for a built-in check"}};
  }
};

// A runtime that ran a model: the verdict stands on its answers.
struct ReportWitness {
  std::string model;
  // `libtorch`
  std::string library;
  std::string version;
  // where the model was after loading: `cpu`, `cuda:0`
  std::string device;
  // in what form it ran the model: "state_dict in an architecture's source"
  std::string form;
  // the conversion that it ran; empty for the model's own file
  std::string file;
  bool operator==(const ReportWitness&) const = default;
  static constexpr auto fields() {
    return std::tuple{
        Field{"model", &ReportWitness::model, "the model that it ran", kRequired},
        Field{"library", &ReportWitness::library, "the runtime library", kRequired},
        Field{"version", &ReportWitness::version, "its version"},
        Field{"device", &ReportWitness::device, "where the model was after loading"},
        Field{"form", &ReportWitness::form, "in what form the model was run"},
        Field{"file", &ReportWitness::file, "the conversion that it ran; empty for the model's own file"}};
  }
};

enum class WaiverState {
  // it accepted `findings` findings
  holds,
  // its checks were judged and had nothing that it names
  unused,
  // its last day is over: what it names counts again
  expired,
  // its checks were not all judged (skipped, undecided), so that nothing can be said of it
  not_judged,
};
constexpr auto enum_names(WaiverState) {
  using enum WaiverState;
  return std::array<std::pair<WaiverState, std::string_view>, 4>{
      {{holds, "holds"}, {unused, "unused"}, {expired, "expired"}, {not_judged, "not-judged"}}};
}

// One entry of the config's `waivers:`, and what became of it.
struct WaiverReport {
  // CHECK or CHECK/FINDING
  std::string waives;
  // empty: every model
  std::string model;
  Acceptance acceptance;
  WaiverState state = WaiverState::not_judged;
  // how many findings it names; of an expired one they count
  std::uint64_t findings = 0;
  // whole days until its last day, negative after it
  std::int64_t days_left = 0;
  // where the config has it; 0: not in the file
  std::uint64_t line = 0;
  bool operator==(const WaiverReport&) const = default;
  static constexpr auto fields() {
    return std::tuple{
        Field{"waives", &WaiverReport::waives, "CHECK or CHECK/FINDING", kRequired},
        Field{"model", &WaiverReport::model, "the model that it is for; empty: every model"},
        Field{"acceptance", &WaiverReport::acceptance, "who accepts it, why, and until when", kRequired},
        Field{"state", &WaiverReport::state, "what became of it", kRequired},
        Field{"findings", &WaiverReport::findings, "how many findings it names"},
        Field{"days_left", &WaiverReport::days_left, "days until its last day, negative after it"},
        Field{"line", &WaiverReport::line, "where the config has it, counted from 1; 0: not in the file"}};
  }
};

// A mistake that kept the run from starting: a config error, a missing config file.
struct SetupError {
  std::string file;
  std::uint64_t line = 0;
  std::uint64_t column = 0;
  std::string message;
  bool operator==(const SetupError&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"file", &SetupError::file, "the file with the mistake; may be empty"},
                      Field{"line", &SetupError::line, "counted from 1; 0 when it is not known"},
                      Field{"column", &SetupError::column, "counted from 1; 0 when it is not known"},
                      Field{"message", &SetupError::message, "what is wrong", kRequired}};
  }
};

// Everything of one run. Made once, by the runner; reporters only read it.
struct Report {
  // of this structure's JSON form; raised when a reader would misunderstand the new form
  std::uint32_t version = 1;
  std::string runup_version;
  std::string target;
  std::string config;
  // absolute: what files of findings are relative to
  std::string package;
  // ISO 8601 with offset: `2026-11-25T01:23:22Z`
  std::string started;
  Duration took;
  std::string host_name;
  // "Debian GNU/Linux 13 (trixie), x86_64, 2 cpus, 24 GiB"
  std::string host;
  std::vector<ReportWitness> witnesses;
  // in plan order
  std::vector<CheckResult> results;
  // what a reader must know to weigh the verdict: what was deselected, which protection was off,
  // `inference: {required: false}`
  std::vector<std::string> remarks;
  // of the config, in its order
  std::vector<WaiverReport> waivers;
  // what later runs are compared with: the files that were judged, and the times that were measured
  std::vector<JudgedFile> files;
  std::vector<Measurement> measurements;
  // `gate`: everything; `audit`: beside a running service, which is asked and no other started
  std::string profile = "gate";
  std::vector<SetupError> setup_errors;
  bool strict = false;
  bool interrupted = false;
  Verdict verdict = Verdict::undecided;
  // one clause: "2 of 7 checks failed", "no witness ran an inference of `sign`; give ..."
  std::string verdict_reason;
  bool operator==(const Report&) const = default;
  static constexpr auto fields() {
    return std::tuple{
        Field{"version", &Report::version, "of this format; raised when older readers would misread it",
              kRequired},
        Field{"runup_version", &Report::runup_version, "the program's version", kRequired},
        Field{"target", &Report::target, "the config's `target:`; empty when the config is not readable",
              kRequired},
        Field{"config", &Report::config, "absolute path of the config file"},
        Field{"package", &Report::package,
              "absolute path of the package; files of findings are relative to it"},
        Field{"started", &Report::started, "ISO 8601 with offset", kRequired},
        Field{"took", &Report::took, "seconds from start to verdict", kRequired},
        Field{"host_name", &Report::host_name, "where the run was"},
        Field{"host", &Report::host, "system, processors and memory in words"},
        Field{"witnesses", &Report::witnesses, "the runtimes that ran the models", kRequired},
        Field{"results", &Report::results, "one for each check on each model, in plan order", kRequired},
        Field{"remarks", &Report::remarks, "what a reader must know to weigh the verdict", kRequired},
        Field{"waivers", &Report::waivers, "the config's waivers, and what became of them"},
        Field{"files", &Report::files, "the files that were judged"},
        Field{"measurements", &Report::measurements, "the times that were measured"},
        Field{"profile", &Report::profile, "`gate`, or `audit`: beside the running service"},
        Field{"setup_errors", &Report::setup_errors, "mistakes that kept the run from starting", kRequired},
        Field{"strict", &Report::strict, "warnings counted as errors", kRequired},
        Field{"interrupted", &Report::interrupted, "a signal ended the run early", kRequired},
        Field{"verdict", &Report::verdict, "`not-ready` when a check failed", kRequired},
        Field{"verdict_reason", &Report::verdict_reason, "the verdict in one clause", kRequired}};
  }
};

// A model's standing for the witness rule.
struct InferenceStanding {
  std::string model;
  // a witness ran at least one inference to its end
  bool witnessed = false;
  // the config says `inference: {required: false}`
  bool required = true;
};

// Sets `verdict` and `verdict_reason` from the results: any failure is not ready, and with `strict` any waiver that is
// out of date; else any
// undecided check, set-up error, interruption, empty result list, run in which every check was
// skipped, or model without a required witness is undecided; else ready.
void settle_verdict(Report& report, const std::vector<InferenceStanding>& standings);

ExitCode exit_code(const Report& report);

struct RenderOptions {
  bool colour = false;
  // columns of the terminal; 0 when the output is no terminal
  int width = 0;
  // passes with their evidence too
  bool verbose = false;
  // only the verdict and what stands in its way
  bool brief = false;
  // absolute: where a format names files for other programs, those below it are relative to it; empty: none are
  std::string folder;
};

// One output format; each folder reports/FORMAT/ defines one constant `kReporter`.
struct ReporterInfo {
  std::string_view name;
  // "for a terminal", "for programs; schema in ..."
  std::string_view summary;
  std::string (*render)(const Report& report, const RenderOptions& options) = nullptr;
};

// All formats, sorted by name; generated by CMake from the folders of reports/.
struct ReporterEntry {
  const ReporterInfo* info = nullptr;
  std::string_view page;
};
std::span<const ReporterEntry> built_in_reporters();

extern template struct StructCodec<Report>;

}  // namespace runup
