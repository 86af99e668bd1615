// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <algorithm>
#include <array>
#include <format>
#include <numeric>

namespace runup {

namespace {

constexpr std::size_t kMaxDistanceLength = 200;

struct CodePointRange {
  char32_t first;
  char32_t last;
};

// East Asian Wide and Fullwidth blocks and emoji, by Unicode's EastAsianWidth.txt, coarsely.
constexpr std::array<CodePointRange, 13> kWide{{{0x1100, 0x115F},
                                                {0x2E80, 0x303E},
                                                {0x3041, 0x33FF},
                                                {0x3400, 0x4DBF},
                                                {0x4E00, 0x9FFF},
                                                {0xA000, 0xA4CF},
                                                {0xA960, 0xA97F},
                                                {0xAC00, 0xD7A3},
                                                {0xF900, 0xFAFF},
                                                {0xFE30, 0xFE6F},
                                                {0xFF00, 0xFF60},
                                                {0x1F300, 0x1FAFF},
                                                {0x20000, 0x3FFFD}}};
// Combining marks, Hangul medial vowels and final consonants, zero-width characters.
constexpr std::array<CodePointRange, 7> kZeroWidth{{{0x0300, 0x036F},
                                                    {0x1160, 0x11FF},
                                                    {0x200B, 0x200F},
                                                    {0x202A, 0x202E},
                                                    {0x2060, 0x2064},
                                                    {0xFE00, 0xFE0F},
                                                    {0xFEFF, 0xFEFF}}};

bool contains(std::span<const CodePointRange> ranges, char32_t code) {
  return std::ranges::any_of(
      ranges, [&](const CodePointRange& range) { return code >= range.first && code <= range.last; });
}

// The code point of a sequence that is known to be well-formed.
char32_t decode_sequence(std::string_view sequence) {
  const auto lead = static_cast<unsigned char>(sequence.front());
  if (sequence.size() == 1) {
    return lead;
  }
  char32_t code = lead & (0x7FU >> sequence.size());
  for (const char c : sequence.substr(1)) {
    code = (code << 6U) | (static_cast<unsigned char>(c) & 0x3FU);
  }
  return code;
}

// Controls, and the bidirectional overrides that can make a terminal show text in another order.
bool is_hidden_control(char32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || (code >= 0x202A && code <= 0x202E) ||
         (code >= 0x2066 && code <= 0x2069);
}

// Optimal string alignment distance: insert, delete, replace, swap neighbours.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> previous(b.size() + 1);
  std::vector<std::size_t> current(b.size() + 1);
  std::iota(previous.begin(), previous.end(), 0U);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U);
      current[j] = std::min({previous[j] + 1, current[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], before[j - 2] + 1);
      }
    }
    std::swap(before, previous);
    std::swap(previous, current);
  }
  return previous[b.size()];
}

std::string join_with_and(std::span<const std::string> words, std::size_t most, std::string_view quote) {
  std::string text;
  const std::size_t shown = std::min(words.size(), most);
  for (std::size_t i = 0; i < shown; ++i) {
    if (i > 0) {
      text += i + 1 == words.size() ? " and " : ", ";
    }
    text += std::format("{}{}{}", quote, words[i], quote);
  }
  if (words.size() > shown) {
    text += std::format("{} {} more", shown > 0 ? " and" : "", words.size() - shown);
  }
  return text;
}

}  // namespace

std::size_t utf8_sequence_length(std::string_view text) {
  if (text.empty()) {
    return 0;
  }
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto continues = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned lead = byte(0);
  if (lead < 0x80) {
    return 1;
  }
  if (lead >= 0xC2 && lead <= 0xDF) {
    return continues(1) ? 2 : 0;
  }
  if (lead >= 0xE0 && lead <= 0xEF) {
    const bool overlong = lead == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = lead == 0xED && byte(1) > 0x9F;
    return !overlong && !surrogate && continues(1) && continues(2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const bool overlong = lead == 0xF0 && byte(1) < 0x90;
    const bool beyond = lead == 0xF4 && byte(1) > 0x8F;
    return !overlong && !beyond && continues(1) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

bool is_valid_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_sequence_length(text);
    if (length == 0) {
      return false;
    }
    text.remove_prefix(length);
  }
  return true;
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_sequence_length(text);
    if (length == 0) {
      out += "\uFFFD";
      text.remove_prefix(1);
      continue;
    }
    const std::string_view sequence = text.substr(0, length);
    const char32_t code = decode_sequence(sequence);
    if (code != '\n' && code != '\t' && is_hidden_control(code)) {
      out += code < 0x100 ? std::format("\\x{:02x}", static_cast<unsigned>(code))
                          : std::format("\\u{:04x}", static_cast<unsigned>(code));
    } else {
      out += sequence;
    }
    text.remove_prefix(length);
  }
  return out;
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const std::size_t length = utf8_sequence_length(text);
    if (length == 0) {
      ++width;
      text.remove_prefix(1);
      continue;
    }
    const char32_t code = decode_sequence(text.substr(0, length));
    if (contains(kWide, code)) {
      width += 2;
    } else if (!contains(kZeroWidth, code)) {
      width += 1;
    }
    text.remove_prefix(length);
  }
  return width;
}

std::string join_words(std::span<const std::string> words, std::size_t most) {
  return join_with_and(words, most, "");
}

std::string join_quoted(std::span<const std::string> words, std::size_t most) {
  return join_with_and(words, most, "`");
}

std::string join(std::span<const std::string> parts, std::string_view separator) {
  std::string text;
  for (const std::string& part : parts) {
    if (&part != parts.data()) {
      text += separator;
    }
    text += part;
  }
  return text;
}

std::string count_of(std::uint64_t count, std::string_view singular, std::string_view plural) {
  return std::format("{} {}", count, count == 1 ? singular : plural);
}

std::string shape_text(std::span<const std::int64_t> shape) {
  std::string text = "[";
  for (const std::int64_t& size : shape) {
    text += std::format("{}{}", &size == shape.data() ? "" : ", ", size);
  }
  return text + "]";
}

std::optional<std::string> did_you_mean(std::string_view word, std::span<const std::string> candidates) {
  if (word.empty() || word.size() > kMaxDistanceLength) {
    return std::nullopt;
  }
  const std::size_t allowed = word.size() <= 2 ? 1 : std::max<std::size_t>(2, word.size() / 3);
  std::optional<std::string> best;
  std::size_t best_distance = allowed + 1;
  for (const std::string& candidate : candidates) {
    if (candidate.empty() || candidate.size() > kMaxDistanceLength) {
      continue;
    }
    const std::size_t distance = edit_distance(word, candidate);
    // A guess that shares no letter with the word is no help.
    if (distance < best_distance && distance < std::max(word.size(), candidate.size())) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n\v\f";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) {
      return parts;
    }
    text.remove_prefix(end + 1);
  }
}

}  // namespace runup
