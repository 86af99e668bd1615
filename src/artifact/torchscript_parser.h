// SPDX-License-Identifier: Apache-2.0
#pragma once

// Expressions of a TorchScript source, from tokens to trees.

#include <algorithm>

#include "artifact/torchscript_code.h"
#include "artifact/torchscript_tokens.h"

namespace runup::artifact::script {

class ExpressionParser {
 public:
  ExpressionParser(Code& code, const std::vector<Token>& tokens) : code_(code), tokens_(tokens) {}

  const Token& now() const { return tokens_[at_]; }
  const Token& ahead(std::size_t count) const { return tokens_[std::min(at_ + count, tokens_.size() - 1)]; }
  void advance() { at_ += at_ + 1 < tokens_.size() ? 1 : 0; }
  bool take(std::string_view what);

  // kNothing when there is none, or when it is nested too deeply; the place is then anywhere before the
  // statement's end.
  NodeId expression();
  // `a`, or `a, b` and `a, ` as a tuple.
  NodeId expressions();

 private:
  NodeId binary();
  NodeId unary();
  NodeId postfix();
  NodeId primary();
  NodeId number();
  NodeId bracket(std::string_view close, NodeKind kind);
  NodeId call(NodeId callee);
  NodeId subscript(NodeId object);
  NodeId argument();
  NodeId add(NodeKind kind, std::uint32_t line, std::string_view text = {});
  void give_children(NodeId node, std::span<const NodeId> children);

  Code& code_;
  const std::vector<Token>& tokens_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
};

}  // namespace runup::artifact::script
