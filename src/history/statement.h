// SPDX-License-Identifier: Apache-2.0
#pragma once

// SQLite's C interface as values: statements and transactions that end with their owner, and errors that name the file
// and say what to do about it.

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace runup {

// What SQLite said last on this connection; `code` is what its function returned.
Error sqlite_failure(sqlite3* database, int code, const std::string& path);
// The file is a history, but what stands in it is not what was written: `seen` in words.
Error damaged_history(const std::string& path, std::string_view seen);

// A prepared statement. Values are bound and columns are read in order. Text is encoded as in JSON (base/codec.h), so
// that what stands in the file is valid UTF-8 for every reader of it. `path` is that of the file, and outlives this.
class Statement {
 public:
  static Result<Statement> prepare(sqlite3* database, const std::string& path, std::string_view sql);

  Statement& bind(std::int64_t value);
  Statement& bind(std::uint64_t value);
  Statement& bind_text(std::string_view text);
  // not copied: to be kept until the statement has been run
  Statement& bind_bytes(Bytes bytes);

  // The next row, or false when there is none. An error also when a value could not be bound.
  Result<bool> step();
  // To the end, for what gives no rows; afterwards it can be bound and run again.
  Result<void> run();

  // The next columns of the row. What has the wrong type reads as nothing, and makes is_garbled() true.
  std::int64_t integer();
  std::uint64_t count();
  std::string text();
  // valid until the next step()
  Bytes bytes();
  bool is_garbled() const { return garbled_; }

 private:
  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  Statement(sqlite3_stmt* statement, const std::string& path) : statement_(statement), path_(&path) {}
  Statement& bound(int code);
  // whether the next column has this type of SQLite; goes on to it
  bool next_is(int type);

  std::unique_ptr<sqlite3_stmt, Finalizer> statement_;
  const std::string* path_;
  int parameter_ = 0;
  int column_ = -1;
  int bind_code_ = SQLITE_OK;
  bool garbled_ = false;
};

// Statements without values or rows, separated by semicolons.
Result<void> execute(sqlite3* database, const std::string& path, const char* sql);

// A write transaction, rolled back unless it was committed.
class Transaction {
 public:
  // Waits for another writer as long as the connection's busy time-out says.
  static Result<Transaction> begin(sqlite3* database, const std::string& path);
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) = delete;
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();

  Result<void> commit();

 private:
  Transaction(sqlite3* database, const std::string& path) : database_(database), path_(&path) {}
  sqlite3* database_;
  const std::string* path_;
};

}  // namespace runup
