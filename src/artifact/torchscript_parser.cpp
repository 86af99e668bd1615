// SPDX-License-Identifier: Apache-2.0
#include "artifact/torchscript_parser.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace runup::artifact::script {

namespace {

// The printer inlines a few levels only.
constexpr std::size_t kMostExpressionDepth = 150;

constexpr std::array<std::string_view, 22> kOperators{"+",  "-",   "*",  "/",  "//", "%",  "@", "**",
                                                      "==", "!=",  "<",  ">",  "<=", ">=", "&", "|",
                                                      "^",  "and", "or", "in", "is", "not"};

}  // namespace

bool ExpressionParser::take(std::string_view what) {
  if (!now().is(what)) {
    return false;
  }
  advance();
  return true;
}

NodeId ExpressionParser::add(NodeKind kind, std::uint32_t line, std::string_view text) {
  code_.nodes.push_back({.kind = kind, .line = line, .text = text});
  return static_cast<NodeId>(code_.nodes.size() - 1);
}

void ExpressionParser::give_children(NodeId node, std::span<const NodeId> children) {
  code_.nodes[node].first_child = static_cast<std::uint32_t>(code_.children.size());
  code_.nodes[node].child_count = static_cast<std::uint32_t>(children.size());
  code_.children.insert(code_.children.end(), children.begin(), children.end());
}

NodeId ExpressionParser::expressions() {
  const std::uint32_t line = now().line;
  NodeId first = expression();
  if (first == kNothing || !now().is(",")) {
    return first;
  }
  std::vector<NodeId> items{first};
  while (take(",")) {
    if (now().kind == TokenKind::newline || now().is("=") || now().is(":") || now().is("in")) {
      break;
    }
    items.push_back(expression());
    if (items.back() == kNothing) {
      return kNothing;
    }
  }
  const NodeId tuple = add(NodeKind::tuple, line);
  give_children(tuple, items);
  return tuple;
}

NodeId ExpressionParser::expression() {
  if (depth_ >= kMostExpressionDepth) {
    return kNothing;
  }
  ++depth_;
  const std::uint32_t line = now().line;
  NodeId value = binary();
  if (value != kNothing && take("if")) {
    const NodeId condition = binary();
    const NodeId other = condition != kNothing && take("else") ? expression() : kNothing;
    const std::array parts{value, condition, other};
    value = kNothing;
    if (other != kNothing) {
      value = add(NodeKind::other, line);
      give_children(value, parts);
    }
  }
  --depth_;
  return value;
}

// Which operator binds more does not matter: no value is computed from one.
NodeId ExpressionParser::binary() {
  const std::uint32_t line = now().line;
  NodeId first = unary();
  std::vector<NodeId> parts{first};
  while (parts.back() != kNothing &&
         std::ranges::any_of(kOperators, [&](std::string_view sign) { return now().is(sign); })) {
    // `not in` and `is not` are two tokens
    const bool is_word = now().kind == TokenKind::name;
    advance();
    if (is_word && (now().is("in") || now().is("not"))) {
      advance();
    }
    parts.push_back(unary());
  }
  if (parts.back() == kNothing || parts.size() == 1) {
    return parts.back();
  }
  const NodeId node = add(NodeKind::other, line);
  give_children(node, parts);
  return node;
}

NodeId ExpressionParser::unary() {
  std::size_t minuses = 0;
  std::size_t others = 0;
  const std::uint32_t line = now().line;
  while (now().is("-") || now().is("+") || now().is("~") || now().is("not") || now().is("*") ||
         now().is("**")) {
    minuses += now().is("-") ? 1 : 0;
    others += now().is("~") || now().is("not") ? 1 : 0;
    advance();
  }
  const NodeId value = postfix();
  if (value == kNothing || minuses + others == 0) {
    return value;
  }
  Node& node = code_.nodes[value];
  if (others == 0 && node.kind == NodeKind::integer) {
    node.integer = minuses % 2 == 1 ? -node.integer : node.integer;
    return value;
  }
  if (others == 0 && node.kind == NodeKind::real) {
    node.real = minuses % 2 == 1 ? -node.real : node.real;
    return value;
  }
  const NodeId sign = add(NodeKind::other, line);
  give_children(sign, std::array{value});
  return sign;
}

NodeId ExpressionParser::postfix() {
  NodeId value = primary();
  std::size_t links = 0;
  while (value != kNothing && ++links < kMostExpressionDepth) {
    if (now().is("(")) {
      value = call(value);
    } else if (now().is("[")) {
      value = subscript(value);
    } else if (now().is(".") && ahead(1).kind == TokenKind::name) {
      advance();
      const NodeId attribute = add(NodeKind::attribute, now().line, now().text);
      advance();
      give_children(attribute, std::array{value});
      value = attribute;
    } else {
      return value;
    }
  }
  return kNothing;
}

NodeId ExpressionParser::primary() {
  const Token& token = now();
  switch (token.kind) {
    case TokenKind::integer:
    case TokenKind::real:
      return number();
    case TokenKind::text: {
      advance();
      return add(NodeKind::text, token.line, token.text);
    }
    case TokenKind::name: {
      advance();
      if (token.text == "None") {
        return add(NodeKind::none, token.line);
      }
      const bool boolean = token.text == "True" || token.text == "False";
      const NodeId node = add(boolean ? NodeKind::boolean : NodeKind::name, token.line, token.text);
      if (boolean) {
        code_.nodes[node].boolean = token.text == "True";
      }
      return node;
    }
    case TokenKind::sign:
      if (token.text == "(") {
        return bracket(")", NodeKind::tuple);
      }
      if (token.text == "[") {
        return bracket("]", NodeKind::list);
      }
      return token.text == "{" ? bracket("}", NodeKind::other) : kNothing;
    default:
      return kNothing;
  }
}

NodeId ExpressionParser::number() {
  const Token& token = now();
  advance();
  const bool real = token.kind == TokenKind::real;
  const NodeId node = add(real ? NodeKind::real : NodeKind::integer, token.line, token.text);
  if (real) {
    double value = 0;
    std::from_chars(token.text.data(), token.text.data() + token.text.size(), value);
    code_.nodes[node].real = value;
  } else {
    std::int64_t value = 0;
    const auto read = std::from_chars(token.text.data(), token.text.data() + token.text.size(), value);
    code_.nodes[node].integer = value;
    if (read.ec != std::errc()) {
      code_.nodes[node].kind = NodeKind::other;
    }
  }
  return node;
}

// A list, a dict, a tuple, or one value in parentheses.
NodeId ExpressionParser::bracket(std::string_view close, NodeKind kind) {
  const std::uint32_t line = now().line;
  advance();
  std::vector<NodeId> items;
  bool comma = false;
  while (!now().is(close)) {
    items.push_back(expression());
    if (items.back() == kNothing) {
      return kNothing;
    }
    if (now().is(",") || now().is(":") || now().is("for")) {
      comma = true;
      advance();
    } else if (!now().is(close)) {
      return kNothing;
    }
  }
  advance();
  if (kind == NodeKind::tuple && !comma && items.size() == 1) {
    return items.front();
  }
  const NodeId node = add(kind, line);
  give_children(node, items);
  return node;
}

NodeId ExpressionParser::argument() {
  if (now().kind == TokenKind::name && ahead(1).is("=")) {
    const Token& name = now();
    advance();
    advance();
    const NodeId value = expression();
    if (value == kNothing) {
      return kNothing;
    }
    const NodeId node = add(NodeKind::keyword, name.line, name.text);
    give_children(node, std::array{value});
    return node;
  }
  return expression();
}

NodeId ExpressionParser::call(NodeId callee) {
  const std::uint32_t line = now().line;
  std::vector<NodeId> parts{callee};
  advance();
  while (!now().is(")")) {
    parts.push_back(argument());
    if (parts.back() == kNothing || (!now().is(",") && !now().is(")"))) {
      return kNothing;
    }
    take(",");
  }
  advance();
  const NodeId node = add(NodeKind::call, line);
  give_children(node, parts);
  return node;
}

NodeId ExpressionParser::subscript(NodeId object) {
  const std::uint32_t line = now().line;
  std::vector<NodeId> parts{object};
  bool slice = false;
  advance();
  while (!now().is("]")) {
    if (take(":")) {
      slice = true;
      continue;
    }
    if (take(",")) {
      continue;
    }
    parts.push_back(expression());
    if (parts.back() == kNothing) {
      return kNothing;
    }
  }
  advance();
  const NodeId node = add(slice ? NodeKind::other : NodeKind::subscript, line);
  give_children(node, parts);
  return node;
}

}  // namespace runup::artifact::script
