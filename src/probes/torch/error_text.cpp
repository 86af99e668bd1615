// SPDX-License-Identifier: Apache-2.0
#include "probes/torch/error_text.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/text.h"

namespace runup {

namespace {

constexpr std::size_t kLongest = 1024;
constexpr std::size_t kLongestCode = 200;
constexpr std::size_t kMostLines = 5;

// A line of source that a message points at with `~~~ <--- HERE` below it.
struct Place {
  std::string file;
  std::string line;
  std::string code;
};

std::string_view without_cpp_frames(std::string_view text) {
  for (const std::string_view mark : {"\nException raised from ", "\nC++ CapturedTraceback", "\nframe #"}) {
    text = text.substr(0, text.find(mark));
  }
  return text;
}

bool is_marker(std::string_view line) {
  const std::string_view mark = trim(line);
  return mark.starts_with('~') || mark.starts_with("<--- HERE");
}

// `  File "<string>", line 57, in forward`
bool read_frame(std::string_view line, Place& place) {
  constexpr std::string_view kStart = "File \"";
  constexpr std::string_view kLine = "\", line ";
  line = trim(line);
  const std::size_t end = line.find(kLine);
  if (!line.starts_with(kStart) || end == std::string_view::npos) {
    return false;
  }
  place = {.file = std::string(line.substr(kStart.size(), end - kStart.size()))};
  line.remove_prefix(end + kLine.size());
  place.line = line.substr(0, line.find_first_not_of("0123456789"));
  return true;
}

// The innermost frame: the last one of a traceback.
Place last_place(const std::vector<std::string>& lines) {
  Place place;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!read_frame(lines[i], place) && place.code.empty() && i > 0 && is_marker(lines[i])) {
      place.code = std::string(trim(lines[i - 1])).substr(0, kLongestCode);
    }
  }
  return place;
}

// "RuntimeError: mat1 and ..." and Python's other names.
std::size_t after_exception_name(std::string_view line) {
  const std::size_t colon = line.find(": ");
  const std::string_view name = line.substr(0, colon);
  const bool is_name = colon != std::string_view::npos && !name.empty() && !name.contains(' ') &&
                       (name.ends_with("Error") || name.ends_with("Exception"));
  return is_name ? colon + 2 : 0;
}

// The lines of `text` as one, without what only repeats or suggests.
std::string joined(const std::vector<std::string>& lines, std::size_t from, std::size_t to) {
  std::string text;
  std::size_t kept = 0;
  for (std::size_t i = from; i < to && kept < kMostLines; ++i) {
    const std::string_view line = trim(lines[i]);
    if (line.starts_with("Here are some suggestions") || line.starts_with("The original call is")) {
      break;
    }
    if (!line.empty()) {
      text += (text.empty() ? "" : " ") + std::string(line);
      ++kept;
    }
  }
  return text;
}

// Without the place in libtorch that leads in to the fact, and the guesses and lists that follow it.
std::string without_advice(std::string_view words) {
  constexpr std::string_view kPlace = "[enforce fail at ";
  constexpr std::string_view kEndOfPlace = "] . ";
  if (const std::size_t end_of_place = words.find(kEndOfPlace);
      words.starts_with(kPlace) && end_of_place != std::string_view::npos) {
    words.remove_prefix(end_of_place + kEndOfPlace.size());
  }
  constexpr std::array<std::string_view, 4> kStarts{
      ". This could be because the operator doesn't exist", ". Could not find any similar ops to",
      ". This op may not exist", ". The version of your PyTorch installation may be too old"};
  std::size_t end = words.size();
  for (const std::string_view start : kStarts) {
    end = std::min(end, words.find(start));
  }
  return std::string(words.substr(0, end));
}

std::string message_of_traceback(const std::vector<std::string>& lines) {
  std::size_t from = lines.size();
  for (std::size_t i = lines.size(); i-- > 0;) {
    if (is_marker(lines[i])) {
      break;
    }
    if (after_exception_name(lines[i]) > 0) {
      from = i;
    }
  }
  std::string text = joined(lines, from, lines.size());
  return text.substr(after_exception_name(text));
}

std::string message_before_place(const std::vector<std::string>& lines) {
  Place ignored;
  const auto frame =
      std::ranges::find_if(lines, [&](const std::string& line) { return read_frame(line, ignored); });
  std::string text = joined(lines, 0, static_cast<std::size_t>(frame - lines.begin()));
  // "undefined value y:" and "expected ident but found 'newline' here:" lead over to the source.
  for (const std::string_view end : {":", " here"}) {
    if (frame != lines.end() && text.ends_with(end)) {
      text.resize(text.size() - end.size());
    }
  }
  return text;
}

}  // namespace

std::string first_words(std::string_view message) {
  const std::vector<std::string> lines = split(without_cpp_frames(message), '\n');
  const bool traceback = message.contains("Traceback of TorchScript");
  std::string words = traceback ? message_of_traceback(lines) : message_before_place(lines);
  if (words.empty()) {
    words = joined(lines, 0, lines.size());
  }
  if (words.empty()) {
    words = "an error without words";
  }
  words = without_advice(words);
  while (words.ends_with('.')) {
    words.pop_back();
  }
  if (words.size() > kLongest) {
    words.resize(kLongest);
    words += " ...";
  }
  const Place place = last_place(lines);
  if (!place.code.empty()) {
    words += ", in `" + place.code + "`";
  }
  if (!place.line.empty()) {
    words += " (" + (place.file == "<string>" ? "" : place.file + " ") + "line " + place.line + ")";
  }
  return words;
}

bool is_lack_of_runtime(std::string_view message) {
  constexpr std::array<std::string_view, 5> kMarks{
      "Unknown builtin op: ", "Unknown type name '__torch__.torch.classes.",
      "maximum supported version for reading is", "NoQEngine", "No engine for operation quantized::"};
  return std::ranges::any_of(kMarks, [&](std::string_view mark) { return message.contains(mark); });
}

std::string missing_key(std::string_view message) {
  constexpr std::string_view kMark = "KeyError: ";
  const std::size_t at = message.find(kMark);
  if (at == std::string_view::npos) {
    return "";
  }
  std::string_view key = message.substr(at + kMark.size());
  key = key.substr(0, key.find_first_of(",\n"));
  return std::string(trim(key));
}

}  // namespace runup
