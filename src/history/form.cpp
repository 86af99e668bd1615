// SPDX-License-Identifier: Apache-2.0
#include "form.h"

#include <array>
#include <cstdint>
#include <format>

#include "base/text.h"
#include "statement.h"

namespace runup {

namespace {

// "runp", at offset 68 of the file: how `file` and we know whose it is.
constexpr std::int64_t kApplication = 0x72756e70;

// The statements that make form N + 1 of form N. What a released runup has made stays as it is here: a new form is a
// new entry.
//
// - `runs` is what lists show; the reports, which are long, lie apart so that a list reads few pages.
// - AUTOINCREMENT: the number of a run that was pruned is never given again.
// - `times` is laid out as it is asked for, so that a series is one stretch of the file; it therefore names its target.
// - Durations are nanoseconds; `started_s` is seconds since 1970.
constexpr std::array<const char*, 1> kSteps{R"(
CREATE TABLE runs (
  run INTEGER PRIMARY KEY AUTOINCREMENT,
  target TEXT NOT NULL,
  started TEXT NOT NULL,
  started_s INTEGER NOT NULL,
  took_ns INTEGER NOT NULL,
  verdict TEXT NOT NULL,
  reason TEXT NOT NULL,
  profile TEXT NOT NULL,
  config TEXT NOT NULL,
  failed INTEGER NOT NULL,
  undecided INTEGER NOT NULL,
  warnings INTEGER NOT NULL
) STRICT;
CREATE INDEX runs_of_target ON runs(target);
CREATE INDEX runs_by_verdict ON runs(target, verdict);
CREATE INDEX runs_by_age ON runs(started_s);

CREATE TABLE reports (
  run INTEGER PRIMARY KEY REFERENCES runs(run) ON DELETE CASCADE,
  json_bytes INTEGER NOT NULL,
  json_zlib BLOB NOT NULL
) STRICT;

CREATE TABLE outcomes (
  run INTEGER NOT NULL REFERENCES runs(run) ON DELETE CASCADE,
  place INTEGER NOT NULL,
  model TEXT NOT NULL,
  check_id TEXT NOT NULL,
  status TEXT NOT NULL,
  findings INTEGER NOT NULL,
  took_ns INTEGER NOT NULL,
  PRIMARY KEY (run, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE times (
  target TEXT NOT NULL,
  model TEXT NOT NULL,
  name TEXT NOT NULL,
  run INTEGER NOT NULL REFERENCES runs(run) ON DELETE CASCADE,
  place INTEGER NOT NULL,
  value_ns INTEGER NOT NULL,
  low_ns INTEGER NOT NULL,
  high_ns INTEGER NOT NULL,
  count INTEGER NOT NULL,
  witness TEXT NOT NULL,
  PRIMARY KEY (target, model, name, run DESC, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX times_of_run ON times(run);
)"};

Result<std::int64_t> number_of(sqlite3* database, const std::string& path, std::string_view sql) {
  auto statement = Statement::prepare(database, path, sql);
  if (!statement) {
    return std::unexpected(statement.error());
  }
  const auto row = statement->step();
  if (!row) {
    return std::unexpected(row.error());
  }
  return *row ? statement->integer() : 0;
}

// Which form it has; 0: none yet.
Result<std::int64_t> form_number(sqlite3* database, const std::string& path) {
  const auto application = number_of(database, path, "PRAGMA application_id");
  if (!application) {
    return application;
  }
  const auto form = number_of(database, path, "PRAGMA user_version");
  if (!form || *application == kApplication) {
    return form;
  }
  const auto tables = number_of(database, path, "SELECT count(*) FROM sqlite_schema");
  if (!tables) {
    return tables;
  }
  if (*application != 0 || *form != 0 || *tables != 0) {
    return fail(ErrorCode::bad_input,
                std::format("`{}` is an SQLite file of another program; a history needs a file of its own",
                            printable(path)));
  }
  return 0;
}

}  // namespace

Result<Form> form_of(sqlite3* database, const std::string& path) {
  const auto form = form_number(database, path);
  if (!form) {
    return std::unexpected(form.error());
  }
  constexpr auto kCurrent = static_cast<std::int64_t>(kSteps.size());
  if (*form > kCurrent) {
    return fail(
        ErrorCode::unsupported,
        std::format(
            "the history `{}` has form {}, of a newer runup; this one knows {} {}: upgrade it, or use "
            "another file",
            printable(path), *form, kCurrent == 1 ? "form" : "forms up to", kCurrent));
  }
  if (*form < 0) {
    return std::unexpected(damaged_history(path, std::format("form {}", *form)));
  }
  return *form == 0 ? Form::empty : *form < kCurrent ? Form::older : Form::current;
}

Result<void> bring_up_to_date(sqlite3* database, const std::string& path) {
  auto transaction = Transaction::begin(database, path);
  if (!transaction) {
    return std::unexpected(transaction.error());
  }
  const auto form = form_number(database, path);
  if (!form) {
    return std::unexpected(form.error());
  }
  for (auto step = static_cast<std::size_t>(*form); step < kSteps.size(); ++step) {
    if (auto done = execute(database, path, kSteps[step]); !done) {
      return done;
    }
  }
  const std::string marks =
      std::format("PRAGMA application_id = {}; PRAGMA user_version = {}", kApplication,
                  std::max<std::int64_t>(*form, static_cast<std::int64_t>(kSteps.size())));
  if (auto marked = execute(database, path, marks.c_str()); !marked) {
    return marked;
  }
  return transaction->commit();
}

}  // namespace runup
