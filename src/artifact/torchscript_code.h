// SPDX-License-Identifier: Apache-2.0
#pragma once

// The source that TorchScript prints into an archive's `code/` members, as trees: Python's syntax, of
// which the printer (torch/csrc/jit/serialization/python_print.cpp) uses a small part. A line that is
// not understood is left out and counted; nothing fails.

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace runup::artifact::script {

using NodeId = std::uint32_t;
using BlockId = std::uint32_t;
using FunctionId = std::uint32_t;
inline constexpr std::uint32_t kNothing = 0xFFFFFFFF;

enum class NodeKind : std::uint8_t {
  // `text` is the identifier
  name,
  integer,
  real,
  // `text` is what stands between the quotes, escapes as they are written
  text,
  none,
  boolean,
  // children: the object; `text` is the attribute's name
  attribute,
  // children: the callee, then the arguments
  call,
  // children: the value; `text` is the parameter's name
  keyword,
  // children: the object, then the indices
  subscript,
  list,
  tuple,
  // anything else: an operator, a dict, a slice; children are its parts
  other,
};

struct Node {
  NodeKind kind = NodeKind::other;
  std::uint32_t line = 0;
  std::uint32_t first_child = 0;
  std::uint32_t child_count = 0;
  std::string_view text;
  union {
    std::int64_t integer = 0;
    double real;
    bool boolean;
  };
};

enum class StatementKind : std::uint8_t {
  // targets = value
  assign,
  // value
  expression,
  // if value: body else: other
  branch,
  // while value: body, or for targets in value: body
  loop,
  // with value: body
  with,
  give_back,
  // def inside a function
  function,
  // pass, break, and what was not understood
  nothing,
};

struct Statement {
  StatementKind kind = StatementKind::nothing;
  std::uint32_t line = 0;
  std::vector<NodeId> targets;
  // `a, = x`: the value is taken apart, also for one target
  bool takes_apart = false;
  NodeId value = kNothing;
  BlockId body = kNothing;
  BlockId other = kNothing;
  FunctionId function = kNothing;
};

struct Parameter {
  std::string_view name;
  std::string_view type;
  NodeId fallback = kNothing;
};

struct Function {
  std::string_view name;
  std::uint32_t file = 0;
  std::uint32_t line = 0;
  std::vector<Parameter> parameters;
  BlockId body = kNothing;
  // index in Code::classes, kNothing for a free function
  std::uint32_t owner = kNothing;
};

struct Class {
  std::string name;
  bool is_module = false;
  // `p : Final[float] = 0.5`
  std::unordered_map<std::string_view, NodeId> constants;
  std::unordered_map<std::string_view, FunctionId> methods;
  // types of its attributes
  std::vector<std::string_view> types;
};

struct SourceFile {
  // the member's name below the archive's folder: `code/__torch__/models.py`
  std::string member;
  // `__torch__.models`
  std::string module;
  std::string text;
  // where each line starts
  std::vector<std::uint32_t> lines;
  // Line `number`, from 1, without blanks around it.
  std::string_view line(std::uint32_t number) const;
};

// All sources of one archive.
struct Code {
  // views point into these
  std::deque<SourceFile> files;
  std::vector<Node> nodes;
  std::vector<NodeId> children;
  std::vector<Statement> statements;
  std::vector<std::vector<std::uint32_t>> blocks;
  std::vector<Function> functions;
  std::deque<Class> classes;
  // by full name
  std::unordered_map<std::string, std::uint32_t> classes_by_name;
  std::unordered_map<std::string, FunctionId> functions_by_name;
  // lines that were not understood, and the first of them: `code/__torch__.py:12`
  std::uint64_t strange_lines = 0;
  std::string first_strange_line;
  // there was more than is read
  bool cut = false;

  std::span<const NodeId> children_of(NodeId id) const {
    return std::span(children).subspan(nodes[id].first_child, nodes[id].child_count);
  }
};

// Adds one member's source. `member` is its name below the archive's folder, which says the module.
void add_source(Code& code, std::string member, std::string text);

}  // namespace runup::artifact::script
