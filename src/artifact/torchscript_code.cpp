// SPDX-License-Identifier: Apache-2.0
#include "artifact/torchscript_code.h"

#include <algorithm>
#include <format>

#include "artifact/torchscript_parser.h"
#include "base/text.h"

namespace runup::artifact::script {

namespace {

// Of one archive; a traced network of a hundred layers has some 100,000.
constexpr std::size_t kMostTokens = 3'000'000;
constexpr std::size_t kMostBlocks = 200;

std::string module_of(std::string_view member) {
  std::string name(member.substr(member.starts_with("code/") ? 5 : 0));
  if (name.ends_with(".py")) {
    name.resize(name.size() - 3);
  }
  std::ranges::replace(name, '/', '.');
  return name;
}

class SourceParser {
 public:
  SourceParser(Code& code, std::uint32_t file, const std::vector<Token>& tokens)
      : code_(code), file_(file), parser_(code, tokens) {}

  void run() {
    while (now().kind != TokenKind::end) {
      if (now().is("class")) {
        read_class();
      } else if (now().is("def")) {
        const FunctionId id = read_function(kNothing);
        if (id != kNothing) {
          code_.functions_by_name.emplace(full_name(code_.functions[id].name), id);
        }
      } else {
        // `op_version_set = 1` and imports of old archives
        skip_line();
      }
    }
  }

 private:
  const Token& now() const { return parser_.now(); }
  bool take(std::string_view what) { return parser_.take(what); }
  std::string full_name(std::string_view name) const {
    return std::format("{}.{}", code_.files[file_].module, name);
  }

  void skip_line() {
    while (now().kind != TokenKind::newline && now().kind != TokenKind::end) {
      parser_.advance();
    }
    parser_.advance();
  }

  // A statement that is none, with the block that may belong to it.
  void skip_strange() {
    if (code_.strange_lines++ == 0) {
      code_.first_strange_line = std::format("{}:{}", code_.files[file_].member, now().line);
    }
    skip_line();
    skip_block();
  }

  void skip_block() {
    if (now().kind != TokenKind::indent) {
      return;
    }
    std::size_t depth = 0;
    do {
      depth += now().kind == TokenKind::indent ? 1 : 0;
      depth -= now().kind == TokenKind::dedent ? 1 : 0;
      parser_.advance();
    } while (depth > 0 && now().kind != TokenKind::end);
  }

  // The text up to one of `stops` outside of brackets.
  std::string_view type_text(std::string_view stops) {
    const char* start = now().text.data();
    const char* end = start;
    std::size_t brackets = 0;
    while (now().kind != TokenKind::newline && now().kind != TokenKind::end) {
      const bool is_sign = now().kind == TokenKind::sign;
      if (brackets == 0 && is_sign && stops.contains(now().text.front())) {
        break;
      }
      brackets += now().is("[") || now().is("(") ? 1 : 0;
      brackets -= (now().is("]") || now().is(")")) && brackets > 0 ? 1 : 0;
      end = now().text.data() + now().text.size();
      parser_.advance();
    }
    return {start, static_cast<std::size_t>(end - start)};
  }

  void read_class() {
    parser_.advance();
    Class added{.name = full_name(now().text)};
    parser_.advance();
    if (take("(")) {
      added.is_module = now().is("Module");
      type_text(")");
      take(")");
    }
    const auto index = static_cast<std::uint32_t>(code_.classes.size());
    code_.classes.push_back(std::move(added));
    if (!take(":")) {
      skip_strange();
      return;
    }
    code_.classes_by_name.emplace(code_.classes[index].name, index);
    if (now().kind != TokenKind::newline) {
      skip_line();
      return;
    }
    parser_.advance();
    if (now().kind != TokenKind::indent) {
      return;
    }
    parser_.advance();
    while (now().kind != TokenKind::dedent && now().kind != TokenKind::end) {
      read_member(index);
    }
    parser_.advance();
  }

  void read_member(std::uint32_t index) {
    if (now().is("def")) {
      const FunctionId id = read_function(index);
      if (id != kNothing) {
        code_.classes[index].methods.emplace(code_.functions[id].name, id);
      }
      return;
    }
    const Token name = now();
    if (name.kind == TokenKind::name && parser_.ahead(1).is(":")) {
      parser_.advance();
      parser_.advance();
      code_.classes[index].types.push_back(type_text("="));
      if (take("=")) {
        const NodeId value = parser_.expression();
        if (value != kNothing) {
          code_.classes[index].constants.emplace(name.text, value);
        }
      }
    } else if (name.is("__annotations__")) {
      type_text("=");
      take("=");
      code_.classes[index].types.push_back(type_text("="));
    }
    skip_line();
    skip_block();
  }

  FunctionId read_function(std::uint32_t owner) {
    Function function{.file = file_, .line = now().line, .owner = owner};
    parser_.advance();
    function.name = now().text;
    parser_.advance();
    if (!take("(")) {
      skip_strange();
      return kNothing;
    }
    while (!now().is(")")) {
      if (now().kind != TokenKind::name) {
        skip_strange();
        return kNothing;
      }
      Parameter parameter{.name = now().text};
      parser_.advance();
      parameter.type = take(":") ? type_text(",)=") : std::string_view();
      parameter.fallback = take("=") ? parser_.expression() : kNothing;
      function.parameters.push_back(parameter);
      if (!take(",") && !now().is(")")) {
        skip_strange();
        return kNothing;
      }
    }
    parser_.advance();
    if (take("->")) {
      type_text(":");
    }
    if (!take(":")) {
      skip_strange();
      return kNothing;
    }
    function.body = read_block();
    code_.functions.push_back(std::move(function));
    return static_cast<FunctionId>(code_.functions.size() - 1);
  }

  // What follows a colon.
  BlockId read_block() {
    const auto block = static_cast<BlockId>(code_.blocks.size());
    code_.blocks.emplace_back();
    if (now().kind != TokenKind::newline) {
      add_statement(block);
      return block;
    }
    parser_.advance();
    if (now().kind != TokenKind::indent) {
      return block;
    }
    if (depth_ >= kMostBlocks) {
      code_.cut = true;
      skip_block();
      return block;
    }
    ++depth_;
    parser_.advance();
    while (now().kind != TokenKind::dedent && now().kind != TokenKind::end) {
      add_statement(block);
    }
    parser_.advance();
    --depth_;
    return block;
  }

  void add_statement(BlockId block) {
    if (now().kind == TokenKind::indent) {
      skip_block();
      return;
    }
    Statement statement{.line = now().line};
    if (!read_statement(statement)) {
      skip_strange();
      return;
    }
    code_.blocks[block].push_back(static_cast<std::uint32_t>(code_.statements.size()));
    code_.statements.push_back(std::move(statement));
  }

  bool read_statement(Statement& statement) {
    if (now().is("if") || now().is("elif")) {
      statement.kind = StatementKind::branch;
      return read_branch(statement);
    }
    if (now().is("while") || now().is("with")) {
      statement.kind = now().is("while") ? StatementKind::loop : StatementKind::with;
      return read_headed(statement);
    }
    if (now().is("for")) {
      statement.kind = StatementKind::loop;
      parser_.advance();
      return read_targets(statement, parser_.expressions()) && read_body(statement);
    }
    if (now().is("def")) {
      statement.kind = StatementKind::function;
      statement.function = read_function(kNothing);
      return true;
    }
    if (now().is("pass") || now().is("break") || now().is("continue")) {
      skip_line();
      return true;
    }
    if (now().is("return")) {
      statement.kind = StatementKind::give_back;
      parser_.advance();
      statement.value = now().kind == TokenKind::newline ? kNothing : parser_.expressions();
      return end_line();
    }
    return read_assignment(statement);
  }

  bool end_line() {
    if (now().kind != TokenKind::newline) {
      return false;
    }
    parser_.advance();
    return true;
  }

  bool read_headed(Statement& statement) {
    parser_.advance();
    statement.value = parser_.expression();
    return statement.value != kNothing && read_colon_block(statement.body);
  }
  bool read_colon_block(BlockId& block) {
    if (!take(":")) {
      return false;
    }
    block = read_block();
    return true;
  }
  // `in value: body`; the `in` may have been taken for an operator of the target's
  bool read_body(Statement& statement) {
    if (take("in")) {
      statement.value = parser_.expression();
    }
    return read_colon_block(statement.body);
  }

  bool read_branch(Statement& statement) {
    if (!read_headed(statement)) {
      return false;
    }
    if (now().is("elif")) {
      if (depth_ >= kMostBlocks) {
        code_.cut = true;
        return false;
      }
      ++depth_;
      statement.other = static_cast<BlockId>(code_.blocks.size());
      code_.blocks.emplace_back();
      add_statement(statement.other);
      --depth_;
    } else if (take("else")) {
      return read_colon_block(statement.other);
    }
    return true;
  }

  bool read_targets(Statement& statement, NodeId node) {
    if (node == kNothing) {
      return false;
    }
    // `for i in range(n)` reads as one operation on `i` and `range(n)`
    const bool is_for = statement.kind == StatementKind::loop;
    if (is_for && code_.nodes[node].kind == NodeKind::other && code_.nodes[node].child_count == 2) {
      const auto parts = code_.children_of(node);
      statement.targets = {parts[0]};
      statement.value = parts[1];
      return true;
    }
    if (code_.nodes[node].kind == NodeKind::tuple) {
      const auto items = code_.children_of(node);
      statement.targets.assign(items.begin(), items.end());
      statement.takes_apart = true;
    } else {
      statement.targets = {node};
    }
    return true;
  }

  bool read_assignment(Statement& statement) {
    const NodeId first = parser_.expressions();
    if (first == kNothing) {
      return false;
    }
    if (take(":")) {
      type_text("=");
    }
    if (take("=")) {
      statement.kind = StatementKind::assign;
      // `a, = x` takes a tuple apart, as `a, b = x` does
      statement.value = parser_.expressions();
      return statement.value != kNothing && read_targets(statement, first) && end_line();
    }
    statement.kind = StatementKind::expression;
    statement.value = first;
    return end_line();
  }

  Code& code_;
  std::uint32_t file_;
  ExpressionParser parser_;
  std::size_t depth_ = 0;
};

}  // namespace

std::string_view SourceFile::line(std::uint32_t number) const {
  if (number == 0 || number > lines.size()) {
    return {};
  }
  const std::size_t start = lines[number - 1];
  const std::size_t end = std::min(text.find('\n', start), text.size());
  return trim(std::string_view(text).substr(start, end - start));
}

void add_source(Code& code, std::string member, std::string text) {
  const auto file = static_cast<std::uint32_t>(code.files.size());
  std::string module = module_of(member);
  code.files.push_back({.member = std::move(member), .module = std::move(module), .text = std::move(text)});
  SourceFile& added = code.files.back();
  added.lines.push_back(0);
  for (std::size_t at = added.text.find('\n'); at != std::string::npos; at = added.text.find('\n', at + 1)) {
    added.lines.push_back(static_cast<std::uint32_t>(at + 1));
  }
  // A node is made of one token or two.
  const std::size_t left = kMostTokens - std::min(kMostTokens, code.nodes.size());
  const std::vector<Token> tokens = tokens_of(added.text, left, code.cut);
  SourceParser(code, file, tokens).run();
}

}  // namespace runup::artifact::script
