// SPDX-License-Identifier: Apache-2.0
#include "statement.h"

#include <cerrno>
#include <format>
#include <limits>
#include <utility>

#include "base/codec.h"
#include "base/text.h"

namespace runup {

namespace {

constexpr const char* kMoveAway = "move it away, and the next run makes a new one";

// SQLite tells a full disk from other failures of a write only where the system says ENOSPC.
bool is_no_room(sqlite3* database, int code) {
  if ((code & 0xff) == SQLITE_FULL) {
    return true;
  }
  const int reason = database == nullptr ? 0 : sqlite3_system_errno(database);
  return (code & 0xff) == SQLITE_IOERR && (reason == ENOSPC || reason == EDQUOT || reason == EFBIG);
}

Error other_failure(int code, const std::string& path, const char* said) {
  const std::string name = printable(path);
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {
          .code = ErrorCode::system,
          .message = std::format("the history `{}` is locked by another process for longer than 5 s ({}); "
                                 "try again when it is done",
                                 name, said)};
    case SQLITE_READONLY:
      return {.code = ErrorCode::unreadable,
              .message = std::format("cannot write the history `{}` ({}); its file and its folder have to be "
                                     "writable for this user",
                                     name, said)};
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return {.code = ErrorCode::unreadable,
              .message = std::format("cannot open the history `{}` ({}); this user has to be allowed to read "
                                     "it, and to write its folder",
                                     name, said)};
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG:
      return {.code = ErrorCode::limit, .message = std::format("the history `{}`: {}", name, said)};
    default:
      break;
  }
  return {.code = ErrorCode::system,
          .message = std::format("cannot use the history `{}` ({}); look after its disk", name, said)};
}

}  // namespace

Error damaged_history(const std::string& path, std::string_view seen) {
  return {.code = ErrorCode::bad_input,
          .message = std::format("the history `{}` is damaged ({}); {}", printable(path), seen, kMoveAway)};
}

Error sqlite_failure(sqlite3* database, int code, const std::string& path) {
  const char* said = database == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(database);
  if (is_no_room(database, code)) {
    return {.code = ErrorCode::system,
            .message = std::format("no room for the history `{}` ({}); free some space on its disk",
                                   printable(path), said)};
  }
  switch (code & 0xff) {
    case SQLITE_NOTADB:
      return {.code = ErrorCode::bad_input,
              .message = std::format("`{}` is not a history ({}); {}", printable(path), said, kMoveAway)};
    case SQLITE_CORRUPT:
    case SQLITE_FORMAT:
    case SQLITE_CONSTRAINT:
    // Our SQL is right for the tables that we made: a statement that fails finds others.
    case SQLITE_ERROR:
    case SQLITE_SCHEMA:
    case SQLITE_MISMATCH:
      return damaged_history(path, said);
    default:
      return other_failure(code, path, said);
  }
}

Result<Statement> Statement::prepare(sqlite3* database, const std::string& path, std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code =
      sqlite3_prepare_v2(database, sql.data(), static_cast<int>(sql.size()), &statement, nullptr);
  if (code != SQLITE_OK) {
    return std::unexpected(sqlite_failure(database, code, path));
  }
  return Statement(statement, path);
}

Statement& Statement::bound(int code) {
  bind_code_ = bind_code_ == SQLITE_OK ? code : bind_code_;
  return *this;
}

Statement& Statement::bind(std::int64_t value) {
  return bound(sqlite3_bind_int64(statement_.get(), ++parameter_, value));
}

Statement& Statement::bind(std::uint64_t value) {
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  return bind(std::in_range<std::int64_t>(value) ? static_cast<std::int64_t>(value) : kMost);
}

Statement& Statement::bind_text(std::string_view text) {
  const std::string encoded = encode_text(text);
  return bound(sqlite3_bind_text64(statement_.get(), ++parameter_, encoded.data(), encoded.size(),
                                   SQLITE_TRANSIENT, SQLITE_UTF8));
}

Statement& Statement::bind_bytes(Bytes bytes) {
  return bound(
      sqlite3_bind_blob64(statement_.get(), ++parameter_, bytes.data(), bytes.size(), SQLITE_STATIC));
}

Result<bool> Statement::step() {
  column_ = -1;
  sqlite3* database = sqlite3_db_handle(statement_.get());
  if (bind_code_ != SQLITE_OK) {
    return std::unexpected(sqlite_failure(database, bind_code_, *path_));
  }
  const int code = sqlite3_step(statement_.get());
  if (code != SQLITE_ROW && code != SQLITE_DONE) {
    return std::unexpected(sqlite_failure(database, code, *path_));
  }
  return code == SQLITE_ROW;
}

Result<void> Statement::run() {
  for (;;) {
    const auto row = step();
    if (!row) {
      return std::unexpected(row.error());
    }
    if (!*row) {
      break;
    }
  }
  sqlite3_reset(statement_.get());
  parameter_ = 0;
  return {};
}

bool Statement::next_is(int type) {
  ++column_;
  const bool fits = sqlite3_column_type(statement_.get(), column_) == type;
  garbled_ = garbled_ || !fits;
  return fits;
}

std::int64_t Statement::integer() {
  return next_is(SQLITE_INTEGER) ? sqlite3_column_int64(statement_.get(), column_) : 0;
}

std::uint64_t Statement::count() {
  const std::int64_t value = integer();
  garbled_ = garbled_ || value < 0;
  return value < 0 ? 0 : static_cast<std::uint64_t>(value);
}

std::string Statement::text() {
  if (!next_is(SQLITE_TEXT)) {
    return {};
  }
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column_));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column_));
  auto decoded =
      data == nullptr ? fail(ErrorCode::limit, "no memory") : decode_text(std::string_view(data, size));
  garbled_ = garbled_ || !decoded;
  return std::move(decoded).value_or("");
}

Bytes Statement::bytes() {
  if (!next_is(SQLITE_BLOB)) {
    return {};
  }
  const void* data = sqlite3_column_blob(statement_.get(), column_);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column_));
  return data == nullptr ? Bytes{} : Bytes{static_cast<const std::byte*>(data), size};
}

Result<void> execute(sqlite3* database, const std::string& path, const char* sql) {
  const int code = sqlite3_exec(database, sql, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? Result<void>{} : std::unexpected(sqlite_failure(database, code, path));
}

Result<Transaction> Transaction::begin(sqlite3* database, const std::string& path) {
  // IMMEDIATE: a transaction that reads first and writes then fails at once when another has written meanwhile.
  if (auto begun = execute(database, path, "BEGIN IMMEDIATE"); !begun) {
    return std::unexpected(begun.error());
  }
  return Transaction(database, path);
}

Transaction::Transaction(Transaction&& other) noexcept
    : database_(std::exchange(other.database_, nullptr)), path_(other.path_) {}

Transaction::~Transaction() {
  // Some failures have rolled back already.
  if (database_ != nullptr && sqlite3_get_autocommit(database_) == 0) {
    sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

Result<void> Transaction::commit() {
  auto done = execute(database_, *path_, "COMMIT");
  if (done) {
    database_ = nullptr;
  }
  return done;
}

}  // namespace runup
