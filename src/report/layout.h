// SPDX-License-Identifier: Apache-2.0
#pragma once

// Text for terminals: columns, wrapping and colour. Whatever comes in is shown safely: control and
// bidirectional characters become visible, invalid UTF-8 becomes U+FFFD.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace runup {

// What a colour means; the colours are the terminal's own sixteen, so that they fit its theme.
enum class Tone { plain, strong, faint, good, bad, doubt, name };

// `text` in the tone's colour, or as it is when `colour` is off.
std::string paint(Tone tone, std::string_view text, bool colour);

// Columns of a page of text: the terminal's, of which there may be too many to read well, or 100 where it is none (0).
std::size_t text_width(int terminal_columns);

// Printable, on one line: newlines and tabs become blanks.
std::string one_line(std::string_view text);
// Cut to `columns` with an ellipsis; never in the middle of a character.
std::string clip(std::string_view text, std::size_t columns);
// Filled with blanks up to `columns`.
std::string pad(std::string_view text, std::size_t columns);
std::string pad_left(std::string_view text, std::size_t columns);

// Printable lines of at most `columns`, broken at blanks and at the text's own newlines. A word that
// is longer stands alone and overflows, so that paths and commands can be copied. Text beyond
// kMaxShown bytes is left out, and says so.
inline constexpr std::size_t kMaxShown = 1200;
std::vector<std::string> wrap(std::string_view text, std::size_t columns);

// Appends wrapped `text` to `out`: `first` begins the first line, `indent` blanks the others; both
// take `indent` columns.
void append_wrapped(std::string& out, std::string_view first, std::size_t indent, std::string_view text,
                    std::size_t width);

}  // namespace runup
