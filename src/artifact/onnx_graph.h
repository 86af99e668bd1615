// SPDX-License-Identifier: Apache-2.0
#pragma once

// GraphProto and FunctionProto (onnx.proto3): their initializers, nodes, and the graphs in those nodes.

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>

#include "artifact/onnx_scope.h"

namespace runup::artifact {

// Domains with the version that is imported.
using OnnxImports = std::map<std::string, std::int64_t, std::less<>>;

// Domain, name and overload of a function that the file itself defines.
using OnnxFunctionId = std::tuple<std::string_view, std::string_view, std::string_view>;

class OnnxGraphReader {
 public:
  // `functions` are the model's own.
  OnnxGraphReader(OnnxReading& reading, const std::set<OnnxFunctionId>& functions)
      : reading_(reading), functions_(functions) {}

  // The main graph: its inputs and outputs too.
  void read_model_graph(std::string_view message, const OnnxImports& imports);
  // A local function; `path` is what its parts are named by.
  void read_function(std::string_view message, const OnnxImports& imports, const std::string& path);
  // The domains that were imported or used, in order of their names, once everything is read.
  void finish(const OnnxImports& imports);

 private:
  struct Domain {
    std::uint64_t nodes = 0;
    std::set<std::string, std::less<>> operators;
  };

  void read_graph(std::string_view message, const OnnxScope* outer, const std::string& path,
                  std::size_t depth);
  void read_contents(std::string_view message, OnnxScope& scope, const std::string& path, std::size_t depth);
  void read_nodes(std::string_view message, std::uint32_t field, OnnxScope& scope, const std::string& path,
                  std::size_t depth);
  void add_initializer(std::string_view message, OnnxScope& scope, const std::string& path);
  void add_sparse_initializer(std::string_view message, OnnxScope& scope, const std::string& path);
  void add_value(std::vector<OnnxValueFacts>& values, std::string_view message);
  void read_node(std::string_view message, OnnxScope& scope, const std::string& path, std::size_t depth);
  void add_constant(const OnnxNode& node, OnnxScope& scope, const std::string& path);
  void note_uses(const OnnxNode& node, const OnnxScope& scope);
  void count(const OnnxNode& node);
  std::int64_t new_use(const std::string& tensor);

  OnnxReading& reading_;
  const std::set<OnnxFunctionId>& functions_;
  std::map<std::string, Domain, std::less<>> domains_;
  // of ONNX's own operators, in what is being read
  std::int64_t opset_ = 0;
};

}  // namespace runup::artifact
