// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace runup {

// Markdown as our own pages use it (headings, paragraphs, lists, fenced and indented code, tables,
// `code` and **strong**) laid out for `columns`. Without `colour` the same lines come plain.
std::string render_markdown(std::string_view markdown, std::size_t columns, bool colour);

// The part of a page below the heading whose text is `title` (in whatever level, backticks ignored)
// up to the next heading of that level or above, with the heading; empty when there is none.
std::string_view markdown_section(std::string_view markdown, std::string_view title);

}  // namespace runup
