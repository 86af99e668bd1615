// SPDX-License-Identifier: Apache-2.0
#pragma once

// The tables of a history file, and what tells such a file from others.

#include <sqlite3.h>

#include <string>

#include "base/result.h"

namespace runup {

enum class Form {
  // this version's
  current,
  // made by an older runup: bring_up_to_date() makes it current
  older,
  // an SQLite file with nothing in it, or no bytes at all
  empty,
};

// Errors: `bad_input` (another program's, or damaged), `unsupported` (a newer runup's).
Result<Form> form_of(sqlite3* database, const std::string& path);
// Makes the tables, or changes them to this version's form, in one transaction. Another process may do it first.
Result<void> bring_up_to_date(sqlite3* database, const std::string& path);

}  // namespace runup
