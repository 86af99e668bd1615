// SPDX-License-Identifier: Apache-2.0
#pragma once

// The runs of this host, in one SQLite file: every report, the outcome of each check and each time that was measured.
// The file is in WAL mode, so that readers and the one writer do not wait for each other; a run is one transaction, so
// that a process that is killed leaves all of a run or nothing of it.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "base/result.h"
#include "report/report.h"

struct sqlite3;

namespace runup {

// What a list of runs shows of one.
struct RunSummary {
  // counted from 1, never given twice
  std::int64_t run = 0;
  std::string target;
  // ISO 8601, as Report::started
  std::string started;
  Duration took;
  Verdict verdict = Verdict::undecided;
  std::string verdict_reason;
  // `gate` or `audit`
  std::string profile;
  std::string config;
  std::uint64_t failed = 0;
  std::uint64_t undecided = 0;
  std::uint64_t warnings = 0;
  bool operator==(const RunSummary&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"run", &RunSummary::run, "its number", kRequired},
                      Field{"target", &RunSummary::target, "the config's `target:`", kRequired},
                      Field{"started", &RunSummary::started, "ISO 8601 with offset", kRequired},
                      Field{"took", &RunSummary::took, "seconds"},
                      Field{"verdict", &RunSummary::verdict, "", kRequired},
                      Field{"verdict_reason", &RunSummary::verdict_reason, "the verdict in one clause"},
                      Field{"profile", &RunSummary::profile, "`gate` or `audit`"},
                      Field{"config", &RunSummary::config, "absolute path of the config file"},
                      Field{"failed", &RunSummary::failed, "checks that failed"},
                      Field{"undecided", &RunSummary::undecided, "checks that could not be decided"},
                      Field{"warnings", &RunSummary::warnings, "warnings"}};
  }
};

// A measured time of one run.
struct TimePoint {
  std::int64_t run = 0;
  std::string started;
  Measurement measurement;
};

// A run with all of it.
struct RecordedReport {
  std::int64_t run = 0;
  Report report;
};

// Which runs are kept: the newest `runs` of each target, not older than `age` (counted from the start of the run that is
// added), and always the last ready one.
struct Retention {
  std::uint64_t runs = 10'000;
  Duration age = Duration::from_seconds(400.0 * 24 * 3600);
};

// An open history; one thread at a time. Errors of every member: `unreadable` (no permission), `bad_input` (not a history,
// or damaged), `unsupported` (written by a newer runup), `system` (disk full, locked for longer than 5 s). The message
// names the file and says what to do. A damaged file stays as it is: nothing here removes or replaces one.
class History {
 public:
  // Opens the file, or makes it (mode 0640) and its folder (0750); brings an older form up to date.
  static Result<History> open(const std::string& path);
  // For reading alone: `not_found` where there is none, or one without a run. Works also where the folder cannot be
  // written.
  static Result<History> open_to_read(const std::string& path);
  History(History&&) noexcept;
  History& operator=(History&&) noexcept;
  History(const History&) = delete;
  History& operator=(const History&) = delete;
  ~History();

  // The run's number, once the run is on the disk. Prunes what `retention` no longer keeps.
  Result<std::int64_t> add(const Report& report, const Retention& retention = {});

  struct Query {
    // nothing: every target
    std::optional<std::string> target;
    std::size_t most = 20;
    // runs before this one, 0: from the newest
    std::int64_t before = 0;
    std::optional<Verdict> verdict;
  };
  // The newest first.
  Result<std::vector<RunSummary>> runs(const Query& query) const;
  // `not_found` when it is not kept.
  Result<Report> report(std::int64_t run) const;
  Result<std::optional<RunSummary>> last(const std::string& target,
                                         std::optional<Verdict> verdict = {}) const;
  // The same with its report.
  Result<std::optional<RecordedReport>> last_report(const std::string& target,
                                                    std::optional<Verdict> verdict = {}) const;
  // Of one model's measurement by name (`p95`), the newest first; a run that has several of that name gives each.
  Result<std::vector<TimePoint>> times(const std::string& target, const std::string& model,
                                       const std::string& name, std::size_t most) const;
  // Sorted.
  Result<std::vector<std::string>> targets() const;

 private:
  struct Closer {
    void operator()(sqlite3* database) const;
  };
  History(std::unique_ptr<sqlite3, Closer> database, std::string path);
  // `name` is the path or an URI of it.
  static Result<History> connect(const std::string& path, const std::string& name, int flags);
  std::unique_ptr<sqlite3, Closer> database_;
  std::string path_;
};

// Where a history is unless it is said: $RUNUP_HISTORY; $STATE_DIRECTORY/history.db under systemd; /var/lib/runup/history.db
// for root or where that exists and can be read; else below $XDG_STATE_HOME or ~/.local/state.
std::string usual_history_path();

extern template struct StructCodec<RunSummary>;

}  // namespace runup
