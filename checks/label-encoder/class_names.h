// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace runup::checks::label_encoder {

// `text` with what macOS and some input methods write as several code points put together: Hangul
// syllables from their letters, Latin letters with their accent, Japanese kana with their voicing
// mark. A part of Unicode's NFC that covers the scripts' common characters.
std::string composed(std::string_view text);

// What a list of class names has that it should not have. Indices count from 0, as classes do.
struct NameProblems {
  std::vector<std::size_t> blank;
  // blanks at an end; without the blank ones
  std::vector<std::size_t> padded;
  // control characters, marks without width, or bytes that are no UTF-8
  std::vector<std::size_t> unprintable;
  // not in composed form
  std::vector<std::size_t> decomposed;
  // an index and the earlier one with the same name, byte for byte
  std::vector<std::pair<std::size_t, std::size_t>> duplicates;
  // the same, but equal only after composing and without blanks at the ends
  std::vector<std::pair<std::size_t, std::size_t>> lookalikes;
};
NameProblems find_name_problems(const std::vector<std::string>& classes);

// Names that are numbers, with or without a common text around them, in an order that is sorted as
// text but not by number: '10' before '2'.
struct LexicalOrder {
  // the first neighbours whose numbers go down
  std::string before;
  std::string after;
  // nothing but digits
  bool plain_numbers = false;
};
std::optional<LexicalOrder> find_lexical_order(const std::vector<std::string>& classes);

}  // namespace runup::checks::label_encoder
