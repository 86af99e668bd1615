// SPDX-License-Identifier: Apache-2.0
#include "class_names.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <map>

#include "base/text.h"

namespace runup::checks::label_encoder {

namespace {

// Hangul syllables are composed by arithmetic: Unicode, section 3.12.
constexpr char32_t kSyllables = 0xAC00;
constexpr char32_t kLead = 0x1100;
constexpr char32_t kVowel = 0x1161;
constexpr char32_t kTrail = 0x11A7;
constexpr char32_t kLeadCount = 19;
constexpr char32_t kVowelCount = 21;
constexpr char32_t kTrailCount = 28;

struct Accents {
  char32_t mark;
  std::u32string_view bases;
  std::u32string_view composed;
};
constexpr std::array<Accents, 10> kAccents{
    {{0x300, U"AEIOUaeiouNn", U"ÀÈÌÒÙàèìòùǸǹ"},
     {0x301, U"AEIOUYaeiouyCcLlNnRrSsZz", U"ÁÉÍÓÚÝáéíóúýĆćĹĺŃńŔŕŚśŹź"},
     {0x302, U"AEIOUaeiouCcGgHhJjSsWwYy", U"ÂÊÎÔÛâêîôûĈĉĜĝĤĥĴĵŜŝŴŵŶŷ"},
     {0x303, U"ANOanoIiUu", U"ÃÑÕãñõĨĩŨũ"},
     {0x308, U"AEIOUaeiouyY", U"ÄËÏÖÜäëïöüÿŸ"},
     {0x30A, U"AaUu", U"ÅåŮů"},
     {0x327, U"CcSsTtGKkLlNnRr", U"ÇçŞşŢţĢĶķĻļŅņŖŗ"},
     {0x30C, U"CcSsZzRrEeDdNnTt", U"ČčŠšŽžŘřĚěĎďŇňŤť"},
     {0x3099, U"かきくけこさしすせそたちつてとはひふへほカキクケコサシスセソタチツテトハヒフヘホウ",
      U"がぎぐげござじずぜぞだぢづでどばびぶべぼガギグゲゴザジズゼゾダヂヅデドバビブベボヴ"},
     {0x309A, U"はひふへほハヒフヘホ", U"ぱぴぷぺぽパピプペポ"}}};

char32_t decode(std::string_view sequence) {
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

void append(std::string& out, char32_t code) {
  const auto byte = [&](char32_t bits) { out += static_cast<char>(bits); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xC0U | (code >> 6U));
    byte(0x80U | (code & 0x3FU));
  } else if (code < 0x10000) {
    byte(0xE0U | (code >> 12U));
    byte(0x80U | ((code >> 6U) & 0x3FU));
    byte(0x80U | (code & 0x3FU));
  } else {
    byte(0xF0U | (code >> 18U));
    byte(0x80U | ((code >> 12U) & 0x3FU));
    byte(0x80U | ((code >> 6U) & 0x3FU));
    byte(0x80U | (code & 0x3FU));
  }
}

// The character that `first` and `second` make together, or 0.
char32_t compose_pair(char32_t first, char32_t second) {
  if (first >= kLead && first < kLead + kLeadCount && second >= kVowel && second < kVowel + kVowelCount) {
    return kSyllables + ((first - kLead) * kVowelCount + (second - kVowel)) * kTrailCount;
  }
  const bool open_syllable = first >= kSyllables &&
                             first < kSyllables + kLeadCount * kVowelCount * kTrailCount &&
                             (first - kSyllables) % kTrailCount == 0;
  if (open_syllable && second > kTrail && second < kTrail + kTrailCount) {
    return first + (second - kTrail);
  }
  for (const Accents& accents : kAccents) {
    if (accents.mark == second) {
      const std::size_t at = accents.bases.find(first);
      return at == std::u32string_view::npos ? 0 : accents.composed[at];
    }
  }
  return 0;
}

// Controls, and marks without width such as the byte order mark at the start of a file.
bool is_invisible(char32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || (code >= 0x200B && code <= 0x200F) ||
         (code >= 0x202A && code <= 0x202E) || (code >= 0x2060 && code <= 0x2064) || code == 0xFEFF;
}

bool has_controls(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_sequence_length(text);
    if (length == 0 || is_invisible(decode(text.substr(0, length)))) {
      return true;
    }
    text.remove_prefix(length);
  }
  return false;
}

// The one run of digits in `name`, and the text around it.
struct NumberedName {
  std::string prefix;
  std::string suffix;
  std::uint64_t number = 0;
};

std::optional<NumberedName> split_number(const std::string& name) {
  const std::size_t begin = name.find_first_of("0123456789");
  if (begin == std::string::npos) {
    return std::nullopt;
  }
  const std::size_t end = std::min(name.find_first_not_of("0123456789", begin), name.size());
  NumberedName numbered{.prefix = name.substr(0, begin), .suffix = name.substr(end)};
  // More digits than fit a number are no class index; a leading zero sorts well as text.
  const auto parsed = std::from_chars(name.data() + begin, name.data() + end, numbered.number);
  if (parsed.ec != std::errc{} || parsed.ptr != name.data() + end) {
    return std::nullopt;
  }
  return numbered;
}

}  // namespace

std::string composed(std::string_view text) {
  std::u32string codes;
  while (!text.empty()) {
    const std::size_t length = utf8_sequence_length(text);
    if (length == 0) {
      // Not UTF-8: nothing here can be composed.
      return std::string(text);
    }
    const char32_t code = decode(text.substr(0, length));
    const char32_t joined = codes.empty() ? 0 : compose_pair(codes.back(), code);
    if (joined != 0) {
      codes.back() = joined;
    } else {
      codes.push_back(code);
    }
    text.remove_prefix(length);
  }
  std::string out;
  for (const char32_t code : codes) {
    append(out, code);
  }
  return out;
}

NameProblems find_name_problems(const std::vector<std::string>& classes) {
  NameProblems problems;
  std::map<std::string_view, std::size_t> exact;
  std::map<std::string, std::size_t> alike;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    const std::string& name = classes[i];
    const std::string_view trimmed = trim(name);
    if (trimmed.empty()) {
      problems.blank.push_back(i);
    } else if (trimmed.size() != name.size()) {
      problems.padded.push_back(i);
    }
    if (has_controls(name)) {
      problems.unprintable.push_back(i);
    }
    const std::string joined = is_valid_utf8(trimmed) ? composed(trimmed) : std::string(trimmed);
    if (joined != trimmed) {
      problems.decomposed.push_back(i);
    }
    const auto [same, is_new] = exact.try_emplace(name, i);
    const auto [similar, looks_new] = alike.try_emplace(joined, i);
    if (!is_new) {
      problems.duplicates.emplace_back(i, same->second);
    } else if (!looks_new && !joined.empty()) {
      problems.lookalikes.emplace_back(i, similar->second);
    }
  }
  return problems;
}

std::optional<LexicalOrder> find_lexical_order(const std::vector<std::string>& classes) {
  std::optional<LexicalOrder> found;
  std::optional<NumberedName> previous;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    auto current = split_number(classes[i]);
    if (!current) {
      return std::nullopt;
    }
    if (previous) {
      if (current->prefix != previous->prefix || current->suffix != previous->suffix ||
          classes[i] <= classes[i - 1]) {
        return std::nullopt;
      }
      if (current->number < previous->number && !found) {
        found = LexicalOrder{.before = classes[i - 1],
                             .after = classes[i],
                             .plain_numbers = current->prefix.empty() && current->suffix.empty()};
      }
    }
    previous = std::move(current);
  }
  return found;
}

}  // namespace runup::checks::label_encoder
