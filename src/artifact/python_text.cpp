// SPDX-License-Identifier: Apache-2.0
#include "artifact/python_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <format>
#include <vector>

#include "base/text.h"

namespace runup::artifact {

namespace {

constexpr std::size_t kMaxIntegerBytes = 1024;

std::optional<std::uint32_t> digits(std::string_view text, std::size_t at, std::size_t count, int base) {
  if (at + count > text.size()) {
    return std::nullopt;
  }
  std::uint32_t value = 0;
  const char* end = text.data() + at + count;
  const auto [stopped, error] = std::from_chars(text.data() + at, end, value, base);
  return error == std::errc() && stopped == end ? std::optional(value) : std::nullopt;
}

// One escape of a Python 2 literal; `at` is behind the backslash and moves on. Unknown escapes keep
// their backslash, as in Python.
bool append_escape(std::string& out, std::string_view text, std::size_t& at) {
  constexpr std::string_view kLetters = "abfnrtv\\'\"";
  constexpr std::string_view kValues = "\a\b\f\n\r\t\v\\'\"";
  const char c = text[at];
  if (const std::size_t known = kLetters.find(c); known != std::string_view::npos) {
    out += kValues[known];
    ++at;
  } else if (c == 'x') {
    const auto value = digits(text, at + 1, 2, 16);
    if (!value) {
      return false;
    }
    out += static_cast<char>(*value);
    at += 3;
  } else if (c >= '0' && c <= '7') {
    std::size_t count = 1;
    while (count < 3 && at + count < text.size() && text[at + count] >= '0' && text[at + count] <= '7') {
      ++count;
    }
    out += static_cast<char>(digits(text, at, count, 8).value_or(0));
    at += count;
  } else {
    out += '\\';
  }
  return true;
}

// Characters that Python's repr escapes although they are no ASCII controls: separators, formats,
// surrogates and private ones (Unicode's general category Z* but for the space, and C*), coarsely.
bool is_unprintable(char32_t code) {
  struct Range {
    char32_t first;
    char32_t last;
  };
  constexpr std::array<Range, 19> kRanges{{{0x00, 0x1F},
                                           {0x7F, 0xA0},
                                           {0xAD, 0xAD},
                                           {0x0600, 0x0605},
                                           {0x061C, 0x061C},
                                           {0x06DD, 0x06DD},
                                           {0x070F, 0x070F},
                                           {0x1680, 0x1680},
                                           {0x180E, 0x180E},
                                           {0x2000, 0x200F},
                                           {0x2028, 0x202F},
                                           {0x205F, 0x206F},
                                           {0x3000, 0x3000},
                                           {0xD800, 0xF8FF},
                                           {0xFEFF, 0xFEFF},
                                           {0xFFF0, 0xFFFB},
                                           {0xFFFE, 0xFFFF},
                                           {0xE0000, 0xE00FF},
                                           {0xF0000, 0x10FFFF}}};
  return std::ranges::any_of(kRanges, [&](Range range) { return code >= range.first && code <= range.last; });
}

char32_t next_code_point(std::string_view text, std::size_t& length) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  length = utf8_sequence_length(text);
  if (length == 0) {
    // A lone surrogate has three bytes; anything else does not come out of the machine.
    length = text.size() >= 3 && byte(0) == 0xED ? 3 : 1;
  }
  if (length == 1) {
    return byte(0);
  }
  char32_t code = byte(0) & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    code = (code << 6U) | (byte(i) & 0x3FU);
  }
  return code;
}

void append_escaped(std::string& out, char32_t code, char quote) {
  if (code == static_cast<unsigned char>(quote) || code == '\\') {
    out += '\\';
    out += static_cast<char>(code);
  } else if (code == '\n') {
    out += "\\n";
  } else if (code == '\r') {
    out += "\\r";
  } else if (code == '\t') {
    out += "\\t";
  } else if (!is_unprintable(code)) {
    append_utf8(out, code);
  } else if (code < 0x100) {
    out += std::format("\\x{:02x}", static_cast<std::uint32_t>(code));
  } else if (code < 0x10000) {
    out += std::format("\\u{:04x}", static_cast<std::uint32_t>(code));
  } else {
    out += std::format("\\U{:08x}", static_cast<std::uint32_t>(code));
  }
}

char quote_for(std::string_view text) { return text.contains('\'') && !text.contains('"') ? '"' : '\''; }

}  // namespace

void append_utf8(std::string& out, char32_t code) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0U | (code >> 6U));
    put(0x80U | (code & 0x3FU));
  } else if (code < 0x10000) {
    put(0xE0U | (code >> 12U));
    put(0x80U | ((code >> 6U) & 0x3FU));
    put(0x80U | (code & 0x3FU));
  } else {
    put(0xF0U | ((code >> 18U) & 0x07U));
    put(0x80U | ((code >> 12U) & 0x3FU));
    put(0x80U | ((code >> 6U) & 0x3FU));
    put(0x80U | (code & 0x3FU));
  }
}

std::optional<std::string> decode_raw_unicode_escape(std::string_view line) {
  std::string out;
  std::size_t at = 0;
  while (at < line.size()) {
    const char c = line[at];
    if (c != '\\' || at + 1 >= line.size()) {
      append_utf8(out, static_cast<unsigned char>(c));
      ++at;
      continue;
    }
    const char letter = line[at + 1];
    if (letter != 'u' && letter != 'U') {
      out += c;
      append_utf8(out, static_cast<unsigned char>(letter));
      at += 2;
      continue;
    }
    const std::size_t count = letter == 'u' ? 4 : 8;
    const auto code = digits(line, at + 2, count, 16);
    if (!code || *code > 0x10FFFF) {
      return std::nullopt;
    }
    append_utf8(out, *code);
    at += 2 + count;
  }
  return out;
}

std::optional<std::string> decode_string_literal(std::string_view line) {
  line = trim(line);
  if (line.size() < 2 || line.front() != line.back() || (line.front() != '\'' && line.front() != '"')) {
    return std::nullopt;
  }
  line = line.substr(1, line.size() - 2);
  std::string out;
  std::size_t at = 0;
  while (at < line.size()) {
    if (line[at] != '\\') {
      out += line[at++];
    } else if (++at >= line.size() || !append_escape(out, line, at)) {
      return std::nullopt;
    }
  }
  return out;
}

std::optional<std::string> latin1_of(std::string_view utf8) {
  std::string out;
  while (!utf8.empty()) {
    std::size_t length = 0;
    const char32_t code = next_code_point(utf8, length);
    if (code > 0xFF) {
      return std::nullopt;
    }
    out += static_cast<char>(code);
    utf8.remove_prefix(length);
  }
  return out;
}

std::string decimal_of(Bytes little_endian) {
  if (little_endian.size() > kMaxIntegerBytes) {
    return std::format("<integer of {} bytes>", little_endian.size());
  }
  const bool negative =
      !little_endian.empty() && (std::to_integer<unsigned>(little_endian.back()) & 0x80U) != 0;
  std::vector<std::uint32_t> words((little_endian.size() + 3) / 4, negative ? 0xFFFFFFFFU : 0U);
  for (std::size_t i = 0; i < little_endian.size(); ++i) {
    const unsigned shift = 8 * static_cast<unsigned>(i % 4);
    words[i / 4] &= ~(0xFFU << shift);
    words[i / 4] |= std::to_integer<std::uint32_t>(little_endian[i]) << shift;
  }
  if (negative) {
    std::uint64_t carry = 1;
    for (std::uint32_t& word : words) {
      carry += static_cast<std::uint32_t>(~word);
      word = static_cast<std::uint32_t>(carry);
      carry >>= 32U;
    }
  }
  constexpr std::uint64_t kGroup = 1'000'000'000;
  std::string reversed;
  while (!words.empty()) {
    std::uint64_t rest = 0;
    for (std::size_t i = words.size(); i-- > 0;) {
      rest = (rest << 32U) | words[i];
      words[i] = static_cast<std::uint32_t>(rest / kGroup);
      rest %= kGroup;
    }
    while (!words.empty() && words.back() == 0) {
      words.pop_back();
    }
    for (int i = 0; i < 9 && (rest > 0 || !words.empty()); ++i) {
      reversed += static_cast<char>('0' + rest % 10);
      rest /= 10;
    }
  }
  if (reversed.empty()) {
    return "0";
  }
  if (negative) {
    reversed += '-';
  }
  std::ranges::reverse(reversed);
  return reversed;
}

std::string python_repr(double value) {
  if (std::isnan(value)) {
    return "nan";
  }
  if (std::isinf(value)) {
    return value > 0 ? "inf" : "-inf";
  }
  // The shortest digits that read back to the same number, laid out by Python's rule: an exponent
  // below -4 or from 16 on.
  std::array<char, 40> buffer{};
  const auto shortest = std::to_chars(buffer.begin(), buffer.end(), value, std::chars_format::scientific);
  const std::string_view scientific(buffer.data(), shortest.ptr);
  const std::size_t e = scientific.find('e');
  int exponent = 0;
  std::from_chars(scientific.data() + e + (scientific[e + 1] == '+' ? 2 : 1),
                  scientific.data() + scientific.size(), exponent);
  if (exponent < -4 || exponent >= 16) {
    return std::string(scientific);
  }
  std::array<char, 64> plain{};
  const auto fixed = std::to_chars(plain.begin(), plain.end(), value, std::chars_format::fixed);
  std::string out(plain.data(), fixed.ptr);
  return out.contains('.') ? out : out + ".0";
}

std::string python_repr_text(std::string_view utf8, std::size_t most) {
  const char quote = quote_for(utf8);
  std::string out(1, quote);
  while (!utf8.empty() && out.size() <= most) {
    std::size_t length = 0;
    const char32_t code = next_code_point(utf8, length);
    append_escaped(out, code, quote);
    utf8.remove_prefix(length);
  }
  return cut_text(std::move(out) + quote, most);
}

std::string python_repr_bytes(std::string_view bytes, std::size_t most) {
  const char quote = quote_for(bytes);
  std::string out = std::string("b") + quote;
  for (const char c : bytes) {
    if (out.size() > most) {
      break;
    }
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      append_escaped(out, byte, quote);
    } else {
      out += std::format("\\x{:02x}", byte);
    }
  }
  return cut_text(std::move(out) + quote, most);
}

std::string cut_text(std::string text, std::size_t most) {
  constexpr std::string_view kMark = "...";
  if (text.size() <= most) {
    return text;
  }
  std::size_t end = most - kMark.size();
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
    --end;
  }
  text.resize(end);
  return text.append(kMark);
}

}  // namespace runup::artifact
