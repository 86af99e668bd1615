// SPDX-License-Identifier: Apache-2.0
#pragma once

// Where the daemon says what it does: entries with fields in systemd's journal when stderr is the journal's
// ($JOURNAL_STREAM), else lines on stderr.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace runup {

// The priorities of syslog that are used.
enum class Priority { error = 3, warning = 4, notice = 5, info = 6 };

// `RUNUP_TARGET` -> its value
using JournalFields = std::vector<std::pair<std::string_view, std::string>>;

// Whether entries keep their fields.
bool journal_has_fields();

void journal(Priority priority, const std::string& message, const JournalFields& fields = {});

}  // namespace runup
