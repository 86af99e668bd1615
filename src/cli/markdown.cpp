// SPDX-License-Identifier: Apache-2.0
#include "cli/markdown.h"

#include <algorithm>
#include <format>
#include <vector>

#include "base/text.h"
#include "report/layout.h"

namespace runup {

namespace {

constexpr std::size_t kMinColumns = 20;

// The level of a heading line, 0 for others.
std::size_t heading_level(std::string_view line) {
  const std::size_t level = std::min(line.find_first_not_of('#'), line.size());
  return level >= 1 && level <= 6 && level < line.size() && line[level] == ' ' ? level : 0;
}

std::string heading_text(std::string_view line) {
  std::string text(trim(line.substr(heading_level(line))));
  std::erase(text, '`');
  return text;
}

bool is_fence(std::string_view line) { return trim(line).starts_with("```"); }

// Where the text of a list item begins ("- x", "* x", "12. x"), 0 for other lines.
std::size_t item_indent(std::string_view line) {
  const std::size_t start = std::min(line.find_first_not_of(' '), line.size());
  std::size_t at = start;
  if (at < line.size() && (line[at] == '-' || line[at] == '*')) {
    ++at;
  } else {
    while (at < line.size() && line[at] >= '0' && line[at] <= '9') {
      ++at;
    }
    if (at == start || at >= line.size() || line[at] != '.') {
      return 0;
    }
    ++at;
  }
  return at < line.size() && line[at] == ' ' ? at + 1 : 0;
}

class Renderer {
 public:
  Renderer(std::size_t columns, bool colour) : columns_(std::max(columns, kMinColumns)), colour_(colour) {}

  std::string render(std::string_view markdown) {
    const std::vector<std::string> lines = split(markdown, '\n');
    for (std::size_t i = 0; i < lines.size();) {
      i = block(lines, i);
    }
    while (out_.ends_with("\n\n")) {
      out_.pop_back();
    }
    return std::move(out_);
  }

 private:
  // Renders the block that starts at line `i`; returns the line after it.
  std::size_t block(const std::vector<std::string>& lines, std::size_t i) {
    const std::string& line = lines[i];
    if (trim(line).empty()) {
      return i + 1;
    }
    if (heading_level(line) > 0) {
      out_ += paint(Tone::strong, printable(heading_text(line)), colour_) + "\n";
      // A heading keeps to what it is the heading of.
      out_ += heading_level(line) == 1 ? "\n" : "";
      return i + 1;
    }
    if (is_fence(line)) {
      return code(lines, i + 1, true);
    }
    if (line.starts_with("    ")) {
      return code(lines, i, false);
    }
    if (line.starts_with("|")) {
      return table(lines, i);
    }
    return paragraph(lines, i);
  }

  std::size_t code(const std::vector<std::string>& lines, std::size_t i, bool fenced) {
    std::vector<std::string> body;
    while (i < lines.size()) {
      if (fenced ? is_fence(lines[i]) : !lines[i].starts_with("    ") && !trim(lines[i]).empty()) {
        break;
      }
      body.push_back(fenced ? lines[i] : lines[i].substr(std::min<std::size_t>(4, lines[i].size())));
      ++i;
    }
    while (!body.empty() && trim(body.back()).empty()) {
      body.pop_back();
    }
    for (const std::string& line : body) {
      out_ += line.empty() ? "\n" : std::format("    {}\n", paint(Tone::name, printable(line), colour_));
    }
    out_ += "\n";
    return fenced ? i + 1 : i;
  }

  std::size_t paragraph(const std::vector<std::string>& lines, std::size_t i) {
    const std::size_t indent = item_indent(lines[i]);
    std::string text(trim(std::string_view(lines[i]).substr(indent)));
    const std::string first = lines[i].substr(0, indent);
    for (++i; i < lines.size() && !trim(lines[i]).empty() && item_indent(lines[i]) == 0 &&
              heading_level(lines[i]) == 0 && !is_fence(lines[i]) && !lines[i].starts_with("|");
         ++i) {
      text += std::format(" {}", trim(lines[i]));
    }
    done_ = out_.size();
    append_wrapped(out_, first, indent, text, columns_);
    const bool list_goes_on = indent > 0 && i < lines.size() && item_indent(lines[i]) > 0;
    recolour();
    out_ += list_goes_on ? "" : "\n";
    return i;
  }

  std::size_t table(const std::vector<std::string>& lines, std::size_t i) {
    std::vector<std::vector<std::string>> rows;
    for (; i < lines.size() && lines[i].starts_with("|"); ++i) {
      std::string_view line = trim(lines[i]);
      line.remove_prefix(1);
      if (line.ends_with("|")) {
        line.remove_suffix(1);
      }
      if (line.find_first_not_of("-|: ") == std::string_view::npos) {
        continue;
      }
      std::vector<std::string> cells;
      for (const std::string& cell : split(line, '|')) {
        cells.emplace_back(one_line(trim(cell)));
      }
      rows.push_back(std::move(cells));
    }
    table_rows(rows);
    out_ += "\n";
    return i;
  }

  // The last column wraps; the others are as wide as their widest cell.
  void table_rows(const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths;
    for (const std::vector<std::string>& row : rows) {
      widths.resize(std::max(widths.size(), row.size()));
      for (std::size_t c = 0; c < row.size(); ++c) {
        widths[c] = std::max(widths[c], std::min(display_width(row[c]), columns_ / 2));
      }
    }
    for (const std::vector<std::string>& row : rows) {
      done_ = out_.size();
      std::string first = "  ";
      std::size_t indent = 2;
      for (std::size_t c = 0; c + 1 < row.size(); ++c) {
        first += pad(row[c], widths[c]) + "  ";
        indent += std::max(widths[c], display_width(row[c])) + 2;
      }
      append_wrapped(out_, first, indent, row.empty() ? "" : row.back(), columns_);
      if (&row == rows.data()) {
        tint(Tone::faint);
      } else {
        recolour();
      }
    }
  }

  // Colours what was laid out since `done_`; only now, because escapes would count as columns.
  // Without colour, backticks stay as the mark of what is code.
  void recolour() {
    std::string text;
    std::string_view rest = std::string_view(out_).substr(done_);
    while (!rest.empty()) {
      const std::string_view mark = rest.starts_with("**") ? "**" : rest.starts_with("`") ? "`" : "";
      const std::size_t end = mark.empty() ? std::string_view::npos : rest.find(mark, mark.size());
      if (mark.empty() || end == std::string_view::npos) {
        text += rest.front();
        rest.remove_prefix(1);
        continue;
      }
      const std::string_view inner = rest.substr(mark.size(), end - mark.size());
      if (mark == "`" && !colour_) {
        text += std::format("`{}`", inner);
      } else {
        text += paint(mark == "`" ? Tone::name : Tone::strong, inner, colour_);
      }
      rest.remove_prefix(end + mark.size());
    }
    out_.resize(done_);
    out_ += text;
  }

  void tint(Tone tone) {
    std::string text = out_.substr(done_);
    out_.resize(done_);
    for (const std::string& line : split(std::string_view(text).substr(0, text.size() - 1), '\n')) {
      out_ += paint(tone, line, colour_) + "\n";
    }
  }

  std::size_t columns_;
  bool colour_;
  std::string out_;
  std::size_t done_ = 0;
};

}  // namespace

std::string render_markdown(std::string_view markdown, std::size_t columns, bool colour) {
  return Renderer(columns, colour).render(markdown);
}

std::string_view markdown_section(std::string_view markdown, std::string_view title) {
  std::size_t start = std::string_view::npos;
  std::size_t level = 0;
  bool fenced = false;
  for (std::size_t at = 0; at < markdown.size();) {
    const std::size_t end = std::min(markdown.find('\n', at), markdown.size());
    const std::string_view line = markdown.substr(at, end - at);
    fenced = fenced != is_fence(line);
    const std::size_t own = fenced ? 0 : heading_level(line);
    if (start == std::string_view::npos && own > 0 && heading_text(line) == title) {
      start = at;
      level = own;
    } else if (start != std::string_view::npos && own > 0 && own <= level) {
      return markdown.substr(start, at - start);
    }
    at = end + 1;
  }
  return start == std::string_view::npos ? std::string_view{} : markdown.substr(start);
}

}  // namespace runup
