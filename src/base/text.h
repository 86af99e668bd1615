// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace runup {

// Length in bytes of the well-formed UTF-8 sequence at the start of `text`; 0 when there is none.
std::size_t utf8_sequence_length(std::string_view text);
bool is_valid_utf8(std::string_view text);
// Well-formed UTF-8 whatever comes in: each invalid byte becomes U+FFFD, control characters other
// than newline and tab become visible as `\xNN`. For terminals and XML, not for round trips.
std::string printable(std::string_view text);
// Columns that `text` takes on a terminal: 2 for East Asian wide characters, 0 for combining ones.
std::size_t display_width(std::string_view text);

// "a, b and c", at most `most` items, then "and 12 more".
std::string join_words(std::span<const std::string> words, std::size_t most = 5);
// Same with each word in backticks.
std::string join_quoted(std::span<const std::string> words, std::size_t most = 5);
std::string join(std::span<const std::string> parts, std::string_view separator);
// "1 class", "12 classes".
std::string count_of(std::uint64_t count, std::string_view singular, std::string_view plural);
// "[1, 300, 147]"
std::string shape_text(std::span<const std::int64_t> shape);

// The candidate nearest to `word` by edit distance (transpositions count one), when it is near
// enough to be what was meant.
std::optional<std::string> did_you_mean(std::string_view word, std::span<const std::string> candidates);

std::string_view trim(std::string_view text);
std::vector<std::string> split(std::string_view text, char separator);

}  // namespace runup
