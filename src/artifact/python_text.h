// SPDX-License-Identifier: Apache-2.0
#pragma once

// Texts between pickles, Python and people: escapes of protocol 0, Python's repr of scalars, and
// integers of any size.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace runup::artifact {

// The UTF-8 of a code point; surrogates become three bytes, as Python's surrogatepass does it.
void append_utf8(std::string& out, char32_t code);

// `V` lines: `\uXXXX` and `\UXXXXXXXX` stand for a character, every other byte for itself (Latin-1).
// Nothing when an escape is cut short.
std::optional<std::string> decode_raw_unicode_escape(std::string_view line);
// `S` lines: a quoted Python 2 literal, with its escapes. Nothing when it is not quoted or cut short.
std::optional<std::string> decode_string_literal(std::string_view line);

// The bytes that a text of characters up to U+00FF stands for; nothing when it has others.
std::optional<std::string> latin1_of(std::string_view utf8);

// A little-endian two's-complement integer in decimal; at most 1,024 bytes are converted, more is
// described by its size.
std::string decimal_of(Bytes little_endian);

// What Python's repr() prints, cut to at most `most` bytes ("..." at the end tells).
inline constexpr std::size_t kMostRepr = 200;
std::string python_repr(double value);
std::string python_repr_text(std::string_view utf8, std::size_t most = kMostRepr);
std::string python_repr_bytes(std::string_view bytes, std::size_t most = kMostRepr);
// Cut at the end of a character.
std::string cut_text(std::string text, std::size_t most = kMostRepr);

}  // namespace runup::artifact
