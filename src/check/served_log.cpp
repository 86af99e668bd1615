// SPDX-License-Identifier: Apache-2.0
#include "check/served.h"

#include <algorithm>
#include <array>
#include <format>
#include <set>

#include "base/text.h"
#include "check/wording.h"

namespace runup {

namespace {

constexpr std::string_view kTraceback = "Traceback (most recent call last)";

constexpr std::array<std::string_view, 29> kFailureWords{"error",
                                                         "critical",
                                                         "fatal",
                                                         "fail",
                                                         "cannot",
                                                         "can't",
                                                         "could not",
                                                         "couldn't",
                                                         "unable",
                                                         "exception",
                                                         "not found",
                                                         "no such",
                                                         "corrupt",
                                                         "invalid",
                                                         "refused",
                                                         "denied",
                                                         "missing",
                                                         "aborted",
                                                         "segmentation fault",
                                                         "terminate called",
                                                         "out of memory",
                                                         "panic",
                                                         "does not exist",
                                                         "not loaded",
                                                         "실패",
                                                         "오류",
                                                         "에러",
                                                         "없습니다",
                                                         "찾을 수"};
// Said of every failure.
constexpr std::array<std::string_view, 7> kOfNoCause{"Application startup failed. Exiting.",
                                                     "Worker failed to boot",
                                                     "Exception in worker process",
                                                     "Exception in ASGI application",
                                                     "Error loading ASGI app",
                                                     "error handling request",
                                                     "exited with code"};
// Raised because something else was.
constexpr std::array<std::string_view, 6> kConsequences{"SystemExit",     "KeyboardInterrupt",
                                                        "CancelledError", "HaltServer",
                                                        "ExceptionGroup", "BaseExceptionGroup"};

constexpr std::array<std::string_view, 14> kNetworkWords{"Connection refused",
                                                         "Network is unreachable",
                                                         "Temporary failure in name resolution",
                                                         "Name or service not known",
                                                         "getaddrinfo failed",
                                                         "[Errno 111]",
                                                         "[Errno 101]",
                                                         "[Errno -2]",
                                                         "[Errno -3]",
                                                         "Errno 111 ",
                                                         "ConnectionRefusedError",
                                                         "Connection timed out",
                                                         "ECONNREFUSED",
                                                         "No address associated with hostname"};
constexpr std::array<std::string_view, 3> kReadOnlyWords{"Read-only file system", "[Errno 30]", "EROFS"};
constexpr std::string_view kDenied = "Permission denied: ";

constexpr std::array<std::string_view, 22> kDamageWords{"UnpicklingError",   "BadZipFile",
                                                        "EOFError",          "PytorchStreamReader",
                                                        "invalid load key",  "SafetensorError",
                                                        "HeaderTooLarge",    "InvalidHeader",
                                                        "InvalidProtobuf",   "ProtobufException",
                                                        "ModelProto",        "FileNotFoundError",
                                                        "No such file",      "Ran out of input",
                                                        "central directory", "corrupt",
                                                        "truncated",         "magic number",
                                                        "unpickl",           "JSONDecodeError",
                                                        "does not exist",    "Git LFS"};

template <std::size_t Size>
bool has_any(std::string_view line, const std::array<std::string_view, Size>& words) {
  return std::ranges::any_of(words, [&](std::string_view word) { return line.contains(word); });
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string lower_letters(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return lower;
}

// Two starts say the same at another time, with another process id.
std::string without_numbers(std::string_view line) {
  std::string same;
  for (const char c : trim(line)) {
    if (!is_digit(c)) {
      same += c;
    } else if (!same.ends_with('#')) {
      same += '#';
    }
  }
  return same;
}

std::set<std::string> known_lines(std::string_view healthy_log) {
  std::set<std::string> known;
  for (const std::string& line : log_lines(healthy_log)) {
    known.insert(without_numbers(line));
  }
  return known;
}

bool is_access_log(std::string_view line) { return line.contains(" HTTP/1.") || line.contains(" HTTP/2"); }

bool says_failure(std::string_view line) {
  return !is_access_log(line) && !has_any(line, kOfNoCause) && !line.contains(kTraceback) &&
         has_any(lower_letters(line), kFailureWords);
}

// What stands beside the bars of an exception group, "  | ValueError: no": the line without them.
std::string_view without_bars(std::string_view line) {
  const std::size_t bar = line.find_first_not_of(' ');
  if (bar == std::string_view::npos || line[bar] != '|') {
    return line;
  }
  const std::string_view rest = line.substr(bar + 1);
  return rest.starts_with(' ') ? rest.substr(1) : rest;
}

// "ValueError: no", "torch.cuda.OutOfMemoryError", and not "INFO: ready".
bool is_exception_line(std::string_view line) {
  std::size_t end = 0;
  while (end < line.size() &&
         (is_letter(line[end]) || is_digit(line[end]) || line[end] == '_' || line[end] == '.')) {
    ++end;
  }
  const std::string_view name = line.substr(0, end);
  const std::string_view kind = exception_kind(line);
  if (kind.empty() || !is_letter(name.front() == '_' && name.size() > 1 ? name[1] : name.front()) ||
      (end < line.size() && !line.substr(end).starts_with(": ") && line.substr(end) != ":")) {
    return false;
  }
  const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  return is_upper(kind.front()) && !std::ranges::all_of(kind, is_upper);
}

// HOST:PORT that the line is about.
struct Place {
  std::string host;
  std::string port;
};

std::size_t digits_at(std::string_view line, std::size_t at) {
  std::size_t end = at;
  while (end < line.size() && is_digit(line[end])) {
    ++end;
  }
  return end - at;
}

// What is between `before` and `middle`, with a number after that: "host='hub', port=443", "('10.0.0.5', 5432)".
Place quoted_place(std::string_view line, std::string_view before, std::string_view middle) {
  const std::size_t start = line.find(before);
  const std::size_t end = start == std::string_view::npos ? start : line.find(middle, start + before.size());
  if (end == std::string_view::npos) {
    return {};
  }
  const std::string_view host = line.substr(start + before.size(), end - start - before.size());
  const std::size_t digits = digits_at(line, end + middle.size());
  if (digits == 0 || host.empty() || host.contains(' ')) {
    return {};
  }
  return {std::string(host), std::string(line.substr(end + middle.size(), digits))};
}

// "localhost:6379", not "12:30" or "main.py:12"
Place plain_place(std::string_view line) {
  Place found;
  for (std::size_t colon = line.find(':'); colon != std::string_view::npos;
       colon = line.find(':', colon + 1)) {
    const std::size_t digits = digits_at(line, colon + 1);
    std::size_t start = colon;
    while (start > 0 && (is_letter(line[start - 1]) || is_digit(line[start - 1]) || line[start - 1] == '.' ||
                         line[start - 1] == '-' || line[start - 1] == '_')) {
      --start;
    }
    const std::string_view host = line.substr(start, colon - start);
    const bool address = std::ranges::count(host, '.') == 3;
    if (digits >= 2 && digits <= 5 && !host.empty() && !host.ends_with(".py") &&
        (address || is_letter(host.front()))) {
      found = {std::string(host), std::string(line.substr(colon + 1, digits))};
    }
  }
  return found;
}

Place place_in(std::string_view line) {
  Place place = quoted_place(line, "host='", "', port=");
  if (place.host.empty()) {
    place = quoted_place(line, "('", "', ");
  }
  return place.host.empty() ? plain_place(line) : place;
}

std::string network_reason(std::string_view line) {
  const Place place = place_in(line);
  const std::string where = place.host.empty() ? "HOST:PORT" : place.host + ":" + place.port;
  return std::format(
      "the server asks for {}, and runup keeps it from the network ({}); give `network: {{allow: [{}]}}` or "
      "`stubs: "
      "[tcp:{}]` in `service:`",
      place.host.empty() ? std::string("another host") : std::format("`{}`", where), excerpt(line, 200),
      where, place.port.empty() ? "PORT" : place.port);
}

// The first path in quotes at or after `from`.
std::string_view quoted_path(std::string_view line, std::size_t from) {
  const std::size_t start = line.find_first_of("'\"", from);
  const std::size_t end = start == std::string_view::npos ? start : line.find(line[start], start + 1);
  return end == std::string_view::npos ? std::string_view{} : line.substr(start + 1, end - start - 1);
}

std::string writing_reason(std::string_view line, std::string_view path) {
  const std::string_view folder =
      path.substr(0, path.rfind('/') == std::string_view::npos ? 0 : path.rfind('/'));
  return std::format(
      "the server {} ({}), and runup keeps it from writing outside a scratch folder; name {} in `writable:` "
      "of the config",
      path.empty() ? std::string("writes to a folder") : std::format("may not write to `{}`", path),
      excerpt(line, 200), folder.empty() ? std::string("the folder") : std::format("`{}`", folder));
}

std::string line_outside_reason(std::string_view line, std::string_view damaged_file) {
  if (is_access_log(line)) {
    return {};
  }
  if (has_any(line, kNetworkWords)) {
    return network_reason(line);
  }
  if (has_any(line, kReadOnlyWords)) {
    return writing_reason(line, quoted_path(line, line.find(kReadOnlyWords.front()) == std::string_view::npos
                                                      ? 0
                                                      : line.find(kReadOnlyWords.front())));
  }
  const std::size_t denied = line.find(kDenied);
  const std::string_view path =
      denied == std::string_view::npos ? std::string_view{} : quoted_path(line, denied);
  if (path.empty() || base_name(path) == base_name(damaged_file)) {
    return {};
  }
  return writing_reason(line, path);
}

}  // namespace

std::vector<std::string> log_lines(std::string_view log) {
  std::vector<std::string> lines;
  for (const std::string& raw : split(log, '\n')) {
    std::string line;
    for (std::size_t i = 0; i < raw.size(); ++i) {
      if (raw[i] == '\x1b' && i + 1 < raw.size() && raw[i + 1] == '[') {
        i += 2;
        while (i < raw.size() && !is_letter(raw[i])) {
          ++i;
        }
      } else if (raw[i] != '\r') {
        line += raw[i];
      }
    }
    while (line.ends_with(' ') || line.ends_with('\t')) {
      line.pop_back();
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string_view exception_kind(std::string_view line) {
  std::size_t end = 0;
  std::size_t start = 0;
  while (end < line.size() &&
         (is_letter(line[end]) || is_digit(line[end]) || line[end] == '_' || line[end] == '.')) {
    start = line[end] == '.' ? end + 1 : start;
    ++end;
  }
  return line.substr(start, end - start);
}

std::vector<std::string> exception_lines(std::string_view log) {
  std::vector<std::string> found;
  const std::vector<std::string> lines = log_lines(log);
  bool inside = false;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].contains(kTraceback)) {
      inside = true;
      continue;
    }
    const std::string_view line = without_bars(lines[i]);
    if (!inside || !is_exception_line(line)) {
      continue;
    }
    inside = false;
    std::string whole(line);
    if (whole.ends_with(':') && i + 1 < lines.size()) {
      whole += " " + std::string(trim(without_bars(lines[i + 1])));
    }
    found.push_back(std::move(whole));
  }
  return found;
}

std::string failure_line(std::string_view log, std::string_view healthy_log) {
  const std::set<std::string> known = known_lines(healthy_log);
  std::string telling;
  for (const std::string& line : exception_lines(log)) {
    const bool consequence = std::ranges::find(kConsequences, exception_kind(line)) != kConsequences.end();
    if (!consequence && !known.contains(without_numbers(line))) {
      telling = line;
    }
  }
  if (!telling.empty()) {
    return printable(first_line(telling));
  }
  for (const std::string& line : log_lines(log)) {
    const bool code = line.starts_with("  File \"") || line.starts_with("    ");
    const bool consequence = std::ranges::find(kConsequences, exception_kind(line)) != kConsequences.end();
    if (!code && !consequence && says_failure(line) && !known.contains(without_numbers(line))) {
      telling = line;
    }
  }
  return printable(first_line(telling));
}

std::string last_line(std::string_view log) {
  std::string last;
  for (const std::string& line : log_lines(log)) {
    last = trim(line).empty() ? last : line;
  }
  return printable(first_line(last));
}

std::string outside_reason(std::string_view log, std::string_view damaged_file) {
  std::string reason;
  for (const std::string& line : log_lines(log)) {
    const std::string_view start = std::string_view(line).substr(0, 2000);
    if (std::string found = line_outside_reason(trim(start), damaged_file); !found.empty()) {
      reason = std::move(found);
    }
  }
  return printable(reason);
}

bool tells_of_damage(std::string_view log, std::string_view healthy_log, std::string_view file) {
  const std::set<std::string> known = known_lines(healthy_log);
  return std::ranges::any_of(log_lines(log), [&](const std::string& line) {
    if (is_access_log(line) || known.contains(without_numbers(line)) ||
        !line_outside_reason(line, file).empty()) {
      return false;
    }
    const std::string_view name = base_name(file);
    return has_any(line, kDamageWords) || (!name.empty() && line.contains(name) && says_failure(line));
  });
}

}  // namespace runup
