// SPDX-License-Identifier: Apache-2.0
#pragma once

// The tokens of a TorchScript source, with Python's rules for lines, blocks and brackets.

#include <cstdint>
#include <string_view>
#include <vector>

namespace runup::artifact::script {

enum class TokenKind : std::uint8_t {
  name,
  integer,
  real,
  // without its quotes
  text,
  sign,
  // the end of a statement, outside of brackets
  newline,
  indent,
  dedent,
  end
};

struct Token {
  TokenKind kind = TokenKind::end;
  std::uint32_t line = 0;
  std::string_view text;
  bool is(std::string_view what) const {
    return text == what && (kind == TokenKind::sign || kind == TokenKind::name);
  }
};

// At most `most` tokens; the last one is always `end`. Any text has tokens: a byte that starts none is a
// sign of its own. `cut` becomes true when there were more.
std::vector<Token> tokens_of(std::string_view source, std::size_t most, bool& cut);

}  // namespace runup::artifact::script
