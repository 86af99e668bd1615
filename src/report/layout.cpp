// SPDX-License-Identifier: Apache-2.0
#include "report/layout.h"

#include <algorithm>
#include <format>

#include "base/text.h"

namespace runup {

namespace {

std::string_view escape_code(Tone tone) {
  switch (tone) {
    case Tone::plain:
      return "";
    case Tone::strong:
      return "\x1b[1m";
    case Tone::faint:
      return "\x1b[2m";
    case Tone::good:
      return "\x1b[32m";
    case Tone::bad:
      return "\x1b[1;31m";
    case Tone::doubt:
      return "\x1b[33m";
    case Tone::name:
      return "\x1b[36m";
  }
  return "";
}

// The longest start of `text` that takes at most `columns`.
std::string_view start_of(std::string_view text, std::size_t columns) {
  std::size_t end = 0;
  std::size_t width = 0;
  while (end < text.size()) {
    const std::size_t length = std::max<std::size_t>(1, utf8_sequence_length(text.substr(end)));
    width += display_width(text.substr(end, length));
    if (width > columns) {
      break;
    }
    end += length;
  }
  return text.substr(0, end);
}

std::string bounded(std::string_view text) {
  if (text.size() <= kMaxShown) {
    return std::string(text);
  }
  std::size_t end = kMaxShown;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
    --end;
  }
  return std::format("{} … and {} more bytes", text.substr(0, end), text.size() - end);
}

void wrap_paragraph(std::string_view text, std::size_t columns, std::vector<std::string>& lines) {
  // A line's own leading blanks stay: they are somebody's code or table.
  const std::size_t lead = std::min(text.find_first_not_of(' '), text.size());
  std::string line(text.substr(0, lead));
  std::size_t width = lead;
  bool empty = true;
  text.remove_prefix(lead);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) {
      continue;
    }
    const std::size_t word_width = display_width(word);
    if (!empty && width + 1 + word_width > columns) {
      lines.push_back(std::move(line));
      line = std::string(lead, ' ');
      width = lead;
      empty = true;
    }
    if (!empty) {
      line += ' ';
      ++width;
    }
    line += word;
    width += word_width;
    empty = false;
  }
  lines.push_back(std::move(line));
}

}  // namespace

std::string paint(Tone tone, std::string_view text, bool colour) {
  if (!colour || tone == Tone::plain || text.empty()) {
    return std::string(text);
  }
  return std::format("{}{}\x1b[0m", escape_code(tone), text);
}

std::size_t text_width(int terminal_columns) {
  constexpr std::size_t kPlain = 100;
  constexpr std::size_t kMost = 120;
  return terminal_columns > 0 ? std::min(static_cast<std::size_t>(terminal_columns), kMost) : kPlain;
}

std::string one_line(std::string_view text) {
  std::string line = printable(bounded(text));
  std::ranges::replace_if(line, [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return line;
}

std::string clip(std::string_view text, std::size_t columns) {
  if (display_width(text) <= columns) {
    return std::string(text);
  }
  return columns == 0 ? std::string() : std::format("{}…", trim(start_of(text, columns - 1)));
}

std::string pad(std::string_view text, std::size_t columns) {
  const std::size_t width = display_width(text);
  return std::string(text) + std::string(columns > width ? columns - width : 0, ' ');
}

std::string pad_left(std::string_view text, std::size_t columns) {
  const std::size_t width = display_width(text);
  return std::string(columns > width ? columns - width : 0, ' ') + std::string(text);
}

std::vector<std::string> wrap(std::string_view text, std::size_t columns) {
  std::string shown = printable(bounded(text));
  std::ranges::replace(shown, '\t', ' ');
  std::vector<std::string> lines;
  for (const std::string& paragraph : split(shown, '\n')) {
    wrap_paragraph(paragraph, columns, lines);
  }
  while (lines.size() > 1 && lines.back().empty()) {
    lines.pop_back();
  }
  return lines;
}

void append_wrapped(std::string& out, std::string_view first, std::size_t indent, std::string_view text,
                    std::size_t width) {
  const std::string rest(indent, ' ');
  std::string_view begin = first;
  for (const std::string& line : wrap(text, width > indent + 20 ? width - indent : 20)) {
    std::string whole = std::format("{}{}", begin, line);
    whole.erase(whole.find_last_not_of(' ') + 1);
    out += whole + "\n";
    begin = rest;
  }
}

}  // namespace runup
