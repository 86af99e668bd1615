// SPDX-License-Identifier: Apache-2.0
#include "artifact/torchscript_tokens.h"

#include <algorithm>
#include <array>

namespace runup::artifact::script {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool starts_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool continues_name(char c) { return starts_name(c) || is_digit(c); }

class Tokenizer {
 public:
  Tokenizer(std::string_view source, std::size_t most) : source_(source), most_(most) {}

  std::vector<Token> run(bool& cut) {
    while (at_ < source_.size() && tokens_.size() < most_) {
      if (at_line_start_ && brackets_ == 0) {
        indentation();
      } else {
        next();
      }
    }
    cut = cut || at_ < source_.size();
    if (!tokens_.empty() && tokens_.back().kind != TokenKind::newline) {
      add(TokenKind::newline, {});
    }
    for (; indents_.size() > 1; indents_.pop_back()) {
      add(TokenKind::dedent, {});
    }
    add(TokenKind::end, {});
    return std::move(tokens_);
  }

 private:
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0';
  }
  void add(TokenKind kind, std::string_view text) {
    tokens_.push_back({.kind = kind, .line = line_, .text = text});
  }

  void indentation() {
    std::size_t columns = 0;
    while (peek() == ' ' || peek() == '\t') {
      columns += peek() == '\t' ? 8 - columns % 8 : 1;
      ++at_;
    }
    at_line_start_ = false;
    if (peek() == '\n' || peek() == '\r' || peek() == '#' || at_ >= source_.size()) {
      return;
    }
    if (columns > indents_.back()) {
      indents_.push_back(columns);
      add(TokenKind::indent, {});
    }
    while (columns < indents_.back()) {
      indents_.pop_back();
      add(TokenKind::dedent, {});
    }
  }

  void next() {
    const char c = peek();
    if (c == '\n') {
      if (brackets_ == 0) {
        if (!tokens_.empty() && tokens_.back().kind != TokenKind::newline) {
          add(TokenKind::newline, {});
        }
        at_line_start_ = true;
      }
      ++line_;
      ++at_;
    } else if (c == ' ' || c == '\t' || c == '\r' || c == '\\') {
      ++at_;
    } else if (c == '#') {
      at_ = std::min(source_.find('\n', at_), source_.size());
    } else if (c == '"' || c == '\'') {
      text(c);
    } else if (is_digit(c) || (c == '.' && is_digit(peek(1)))) {
      number();
    } else if (starts_name(c)) {
      const std::size_t start = at_;
      while (at_ < source_.size() && continues_name(peek())) {
        ++at_;
      }
      add(TokenKind::name, source_.substr(start, at_ - start));
    } else {
      sign(c);
    }
  }

  // Ends at its quote, or at the line's end when it has none.
  void text(char quote) {
    const std::size_t start = ++at_;
    while (at_ < source_.size() && peek() != quote && peek() != '\n') {
      at_ += peek() == '\\' && peek(1) != '\n' && at_ + 1 < source_.size() ? 2 : 1;
    }
    add(TokenKind::text, source_.substr(start, at_ - start));
    at_ += peek() == quote ? 1 : 0;
  }

  void number() {
    const std::size_t start = at_;
    bool real = false;
    while (at_ < source_.size()) {
      const char c = peek();
      const bool exponent = (c == 'e' || c == 'E') &&
                            (is_digit(peek(1)) || ((peek(1) == '-' || peek(1) == '+') && is_digit(peek(2))));
      if (exponent) {
        at_ += 2;
      } else if (is_digit(c) || c == '.' || c == '_') {
        ++at_;
      } else {
        break;
      }
      real = real || c == '.' || exponent;
    }
    add(real ? TokenKind::real : TokenKind::integer, source_.substr(start, at_ - start));
    // complex numbers, and the suffix of no number at all
    while (at_ < source_.size() && continues_name(peek())) {
      ++at_;
    }
  }

  void sign(char c) {
    constexpr std::array<std::string_view, 11> kLong{"->", "==", "!=", "<=", ">=", "//",
                                                     "**", "+=", "-=", "*=", "/="};
    const bool is_long = std::ranges::contains(kLong, source_.substr(at_, 2));
    if (c == '(' || c == '[' || c == '{') {
      ++brackets_;
    } else if ((c == ')' || c == ']' || c == '}') && brackets_ > 0) {
      --brackets_;
    }
    add(TokenKind::sign, source_.substr(at_, is_long ? 2 : 1));
    at_ += is_long ? 2 : 1;
  }

  std::string_view source_;
  std::size_t most_;
  std::size_t at_ = 0;
  std::uint32_t line_ = 1;
  std::size_t brackets_ = 0;
  bool at_line_start_ = true;
  std::vector<std::size_t> indents_{0};
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokens_of(std::string_view source, std::size_t most, bool& cut) {
  return Tokenizer(source, most).run(cut);
}

}  // namespace runup::artifact::script
