// SPDX-License-Identifier: Apache-2.0
#include "history/history.h"

#include <sqlite3.h>

#include <algorithm>
#include <format>
#include <limits>

#include "base/timestamp.h"
#include "packed_report.h"
#include "report/summary.h"
#include "statement.h"

namespace runup {

namespace {

constexpr std::string_view kSummaryColumns =
    "SELECT run, target, started, took_ns, verdict, reason, profile, config, failed, undecided, warnings "
    "FROM runs";

std::optional<Verdict> verdict_named(std::string_view name) {
  for (const auto& [verdict, known] : enum_names(Verdict{})) {
    if (known == name) {
      return verdict;
    }
  }
  return std::nullopt;
}

Result<RunSummary> read_summary(Statement& row, const std::string& path) {
  RunSummary summary{
      .run = row.integer(), .target = row.text(), .started = row.text(), .took = {row.integer()}};
  const auto verdict = verdict_named(row.text());
  summary.verdict = verdict.value_or(Verdict::undecided);
  summary.verdict_reason = row.text();
  summary.profile = row.text();
  summary.config = row.text();
  summary.failed = row.count();
  summary.undecided = row.count();
  summary.warnings = row.count();
  if (!verdict || row.is_garbled()) {
    return std::unexpected(damaged_history(path, std::format("run {} cannot be read", summary.run)));
  }
  return summary;
}

Result<void> insert_run(sqlite3* database, const std::string& path, const Report& report,
                        std::int64_t started) {
  auto statement = Statement::prepare(database, path,
                                      "INSERT INTO runs (target, started, started_s, took_ns, verdict, "
                                      "reason, profile, config, failed, undecided, "
                                      "warnings) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  if (!statement) {
    return std::unexpected(statement.error());
  }
  const ReportCounts counts = count(report.results);
  return statement->bind_text(report.target)
      .bind_text(report.started)
      .bind(started)
      .bind(report.took.nanoseconds)
      .bind_text(enum_name(report.verdict))
      .bind_text(report.verdict_reason)
      .bind_text(report.profile)
      .bind_text(report.config)
      .bind(std::uint64_t{counts.failed})
      .bind(std::uint64_t{counts.undecided})
      .bind(std::uint64_t{counts.warnings})
      .run();
}

Result<void> insert_report(sqlite3* database, const std::string& path, std::int64_t run,
                           const PackedReport& packed) {
  auto statement =
      Statement::prepare(database, path, "INSERT INTO reports (run, json_bytes, json_zlib) VALUES (?, ?, ?)");
  return statement ? statement->bind(run).bind(packed.bytes).bind_bytes(as_bytes(packed.deflated)).run()
                   : std::unexpected(statement.error());
}

Result<void> insert_outcomes(sqlite3* database, const std::string& path, std::int64_t run,
                             const Report& report) {
  auto statement = Statement::prepare(database, path,
                                      "INSERT INTO outcomes (run, place, model, check_id, status, findings, "
                                      "took_ns) VALUES (?, ?, ?, ?, ?, ?, ?)");
  if (!statement) {
    return std::unexpected(statement.error());
  }
  std::int64_t place = 0;
  for (const CheckResult& result : report.results) {
    statement->bind(run)
        .bind(place++)
        .bind_text(result.model)
        .bind_text(result.check)
        .bind_text(enum_name(result.outcome.status))
        .bind(std::uint64_t{result.outcome.findings.size()})
        .bind(result.took.nanoseconds);
    if (auto done = statement->run(); !done) {
      return done;
    }
  }
  return {};
}

Result<void> insert_times(sqlite3* database, const std::string& path, std::int64_t run,
                          const Report& report) {
  auto statement = Statement::prepare(
      database, path,
      "INSERT INTO times (target, model, name, run, place, value_ns, low_ns, high_ns, count, witness) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  if (!statement) {
    return std::unexpected(statement.error());
  }
  std::int64_t place = 0;
  for (const Measurement& time : report.measurements) {
    statement->bind_text(report.target)
        .bind_text(time.model)
        .bind_text(time.name)
        .bind(run)
        .bind(place++)
        .bind(time.value.nanoseconds)
        .bind(time.low.nanoseconds)
        .bind(time.high.nanoseconds)
        .bind(time.count)
        .bind_text(time.witness);
    if (auto done = statement->run(); !done) {
      return done;
    }
  }
  return {};
}

// Those of this target that are more than `retention.runs`, and those of any target that are too old: nobody adds to a
// target that was taken away. What the runs have elsewhere goes with them (ON DELETE CASCADE).
Result<void> prune(sqlite3* database, const std::string& path, const Report& report, std::int64_t started,
                   const Retention& retention) {
  auto surplus = Statement::prepare(
      database, path,
      "DELETE FROM runs WHERE target = ?1 "
      "AND run <= (SELECT run FROM runs WHERE target = ?1 ORDER BY run DESC LIMIT 1 OFFSET ?2) "
      "AND run <> coalesce((SELECT max(run) FROM runs WHERE target = ?1 AND verdict = 'ready'), 0)");
  if (!surplus) {
    return std::unexpected(surplus.error());
  }
  // The run that was just added stays whatever is asked for.
  surplus->bind_text(report.target).bind(std::max<std::uint64_t>(retention.runs, 1));
  if (auto done = surplus->run(); !done) {
    return done;
  }
  auto old =
      Statement::prepare(database, path,
                         "DELETE FROM runs AS this WHERE started_s < ? AND run <> coalesce("
                         "(SELECT max(run) FROM runs WHERE target = this.target AND verdict = 'ready'), 0)");
  if (!old) {
    return std::unexpected(old.error());
  }
  constexpr std::int64_t kSecond = 1'000'000'000;
  return old->bind(started - std::max<std::int64_t>(retention.age.nanoseconds, 0) / kSecond).run();
}

}  // namespace

template struct StructCodec<RunSummary>;

Result<std::int64_t> History::add(const Report& report, const Retention& retention) {
  const auto started = seconds_since_1970(report.started);
  if (!started) {
    return fail(ErrorCode::bad_input, std::format("the report was started at `{}`; expected a time such as "
                                                  "`2026-11-25T01:23:22Z`",
                                                  report.started));
  }
  // Before the transaction, so that another writer waits as short as can be.
  const auto packed = pack(report);
  if (!packed) {
    return std::unexpected(packed.error());
  }
  sqlite3* database = database_.get();
  auto transaction = Transaction::begin(database, path_);
  if (!transaction) {
    return std::unexpected(transaction.error());
  }
  std::int64_t run = 0;
  auto done = insert_run(database, path_, report, *started)
                  .and_then([&] {
                    run = sqlite3_last_insert_rowid(database);
                    return insert_report(database, path_, run, *packed);
                  })
                  .and_then([&] { return insert_outcomes(database, path_, run, report); })
                  .and_then([&] { return insert_times(database, path_, run, report); })
                  .and_then([&] { return prune(database, path_, report, *started, retention); })
                  .and_then([&] { return transaction->commit(); });
  return done ? Result<std::int64_t>(run) : std::unexpected(done.error());
}

Result<std::vector<RunSummary>> History::runs(const Query& query) const {
  std::string sql = std::format("{} WHERE run < ?", kSummaryColumns);
  sql += query.target ? " AND target = ?" : "";
  sql += query.verdict ? " AND verdict = ?" : "";
  auto statement = Statement::prepare(database_.get(), path_, sql + " ORDER BY run DESC LIMIT ?");
  if (!statement) {
    return std::unexpected(statement.error());
  }
  statement->bind(query.before > 0 ? query.before : std::numeric_limits<std::int64_t>::max());
  if (query.target) {
    statement->bind_text(*query.target);
  }
  if (query.verdict) {
    statement->bind_text(enum_name(*query.verdict));
  }
  statement->bind(std::uint64_t{query.most});
  std::vector<RunSummary> runs;
  for (;;) {
    const auto row = statement->step();
    if (!row) {
      return std::unexpected(row.error());
    }
    if (!*row) {
      return runs;
    }
    auto summary = read_summary(*statement, path_);
    if (!summary) {
      return std::unexpected(summary.error());
    }
    runs.push_back(std::move(*summary));
  }
}

Result<std::optional<RunSummary>> History::last(const std::string& target,
                                                std::optional<Verdict> verdict) const {
  auto found = runs({.target = target, .most = 1, .verdict = verdict});
  if (!found) {
    return std::unexpected(found.error());
  }
  return found->empty() ? std::nullopt : std::optional(std::move(found->front()));
}

Result<std::optional<RecordedReport>> History::last_report(const std::string& target,
                                                           std::optional<Verdict> verdict) const {
  const auto found = last(target, verdict);
  if (!found || !*found) {
    return found ? Result<std::optional<RecordedReport>>() : std::unexpected(found.error());
  }
  auto whole = report((*found)->run);
  if (!whole) {
    return std::unexpected(whole.error());
  }
  return RecordedReport{.run = (*found)->run, .report = std::move(*whole)};
}

Result<Report> History::report(std::int64_t run) const {
  auto statement =
      Statement::prepare(database_.get(), path_, "SELECT json_bytes, json_zlib FROM reports WHERE run = ?");
  if (!statement) {
    return std::unexpected(statement.error());
  }
  const auto row = statement->bind(run).step();
  if (!row) {
    return std::unexpected(row.error());
  }
  if (!*row) {
    return fail(ErrorCode::not_found,
                std::format("run {} is not in the history `{}`; it was never made, or is no longer kept", run,
                            path_));
  }
  const std::uint64_t bytes = statement->count();
  const Bytes deflated = statement->bytes();
  if (statement->is_garbled()) {
    return std::unexpected(damaged_history(path_, std::format("the report of run {} cannot be read", run)));
  }
  auto report = unpack(bytes, deflated);
  return report
             ? std::move(report)
             : wrap(report.error(),
                    damaged_history(path_, std::format("the report of run {} cannot be read", run)).message);
}

Result<std::vector<TimePoint>> History::times(const std::string& target, const std::string& model,
                                              const std::string& name, std::size_t most) const {
  auto statement = Statement::prepare(
      database_.get(), path_,
      "SELECT times.run, runs.started, value_ns, low_ns, high_ns, count, witness FROM times JOIN runs USING "
      "(run) "
      "WHERE times.target = ? AND model = ? AND name = ? ORDER BY times.run DESC, place LIMIT ?");
  if (!statement) {
    return std::unexpected(statement.error());
  }
  statement->bind_text(target).bind_text(model).bind_text(name).bind(std::uint64_t{most});
  std::vector<TimePoint> points;
  for (;;) {
    const auto row = statement->step();
    if (!row) {
      return std::unexpected(row.error());
    }
    if (!*row) {
      return points;
    }
    TimePoint point{.run = statement->integer(),
                    .started = statement->text(),
                    .measurement = {.model = model, .name = name}};
    point.measurement.value = {statement->integer()};
    point.measurement.low = {statement->integer()};
    point.measurement.high = {statement->integer()};
    point.measurement.count = statement->count();
    point.measurement.witness = statement->text();
    if (statement->is_garbled()) {
      return std::unexpected(
          damaged_history(path_, std::format("the times of run {} cannot be read", point.run)));
    }
    points.push_back(std::move(point));
  }
}

Result<std::vector<std::string>> History::targets() const {
  // From one name to the next in the index, however many runs each has.
  auto statement =
      Statement::prepare(database_.get(), path_,
                         "WITH RECURSIVE names(name) AS (SELECT min(target) FROM runs UNION ALL "
                         "SELECT (SELECT min(target) FROM runs WHERE target > name) FROM names "
                         "WHERE name IS NOT NULL) SELECT name FROM names WHERE name IS NOT NULL");
  if (!statement) {
    return std::unexpected(statement.error());
  }
  std::vector<std::string> targets;
  for (;;) {
    const auto row = statement->step();
    if (!row) {
      return std::unexpected(row.error());
    }
    if (!*row) {
      return targets;
    }
    targets.push_back(statement->text());
    if (statement->is_garbled()) {
      return std::unexpected(damaged_history(path_, "a target's name cannot be read"));
    }
  }
}

}  // namespace runup
