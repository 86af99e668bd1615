// SPDX-License-Identifier: Apache-2.0
#include "log_times.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"
#include "check/served.h"
#include "check/wording.h"

namespace runup::checks::startup_time {

namespace {

constexpr std::array<std::string_view, 10> kAbout{"load",  "warm",    "ready",      "startup", "start-up",
                                                  "model", "initial", "started in", "로드",    "모델"};
constexpr std::array<std::string_view, 14> kUnits{"s",  "sec",  "secs",    "second",      "seconds",
                                                  "ms", "msec", "millis",  "millisecond", "milliseconds",
                                                  "us", "min",  "minutes", "초"};
// Of a key with its unit in its name: `load_seconds=1.2`, `"load_ms": 300`, `model_load_time: 1.2`.
constexpr std::array<std::string_view, 12> kUnitEndings{"_seconds",  "_secs",    "_sec",    "_s",
                                                        "_ms",       "_millis",  "_time",   "_took",
                                                        "_duration", "_elapsed", "seconds", "time"};

bool is_small(char c) { return c >= 'a' && c <= 'z'; }
bool is_number(char c) { return c >= '0' && c <= '9'; }

std::string in_lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return lower;
}

// "1.85 s" and "300ms"; not "3 samples", and not the "12s" of "a12s".
bool has_time(std::string_view line) {
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (!is_number(line[i]) || (i > 0 && (is_small(line[i - 1]) || is_number(line[i - 1]) ||
                                          line[i - 1] == '_' || line[i - 1] == '.'))) {
      continue;
    }
    std::size_t end = i;
    while (end < line.size() && (is_number(line[end]) || line[end] == '.' || line[end] == ',')) {
      ++end;
    }
    std::string_view rest = line.substr(end);
    rest.remove_prefix(std::min(rest.size(), rest.find_first_not_of(' ') == std::string_view::npos
                                                 ? rest.size()
                                                 : rest.find_first_not_of(' ')));
    if (rest.starts_with("초")) {
      return true;
    }
    std::size_t word = 0;
    while (word < rest.size() && is_small(rest[word])) {
      ++word;
    }
    if (std::ranges::contains(kUnits, rest.substr(0, word))) {
      return true;
    }
    i = end - 1;
  }
  return false;
}

// A number after `=` or `:` whose key names a unit.
bool has_timed_key(std::string_view line) {
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] != '=' && line[i] != ':') {
      continue;
    }
    const std::size_t value = line.find_first_not_of(" \"'", i + 1);
    std::string_view key = line.substr(0, i);
    while (key.ends_with('"') || key.ends_with('\'') || key.ends_with(' ')) {
      key.remove_suffix(1);
    }
    if (value != std::string_view::npos && is_number(line[value]) &&
        std::ranges::any_of(kUnitEndings, [&](std::string_view ending) { return key.ends_with(ending); })) {
      return true;
    }
  }
  return false;
}

// uvicorn's and gunicorn's own, which say of no time; and requests.
bool is_of_the_server(std::string_view line) {
  return line.contains("Started server process") || line.contains("Waiting for application startup") ||
         line.contains("Application startup complete") || line.contains("Uvicorn running on") ||
         line.contains("Started reloader") || line.contains("Booting worker") || line.contains(" HTTP/1.");
}

}  // namespace

std::string load_time_line(std::string_view log) {
  for (const std::string& line : log_lines(log)) {
    const std::string lower = in_lower_case(line);
    const bool about =
        std::ranges::any_of(kAbout, [&](std::string_view word) { return lower.contains(word); });
    if (about && !is_of_the_server(line) && (has_time(lower) || has_timed_key(lower))) {
      return printable(first_line(line));
    }
  }
  return {};
}

}  // namespace runup::checks::startup_time
