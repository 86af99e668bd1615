// SPDX-License-Identifier: Apache-2.0
#pragma once

// NodeProto, AttributeProto and ValueInfoProto (onnx.proto3). Texts are views into the file.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "artifact/onnx_reading.h"

namespace runup::artifact {

struct OnnxAttribute {
  std::string_view name;
  std::optional<std::int64_t> integer;
  std::optional<float> number;
  // the first 64 of `ints`
  std::vector<std::int64_t> integers;
  // messages that stand in it
  std::optional<std::string_view> tensor;
  std::optional<std::string_view> sparse_tensor;
  std::vector<std::string_view> graphs;
  // `graphs` holds the one graph of `g`, not the list
  bool one_graph = false;
};

struct OnnxNode {
  std::string_view name;
  std::string_view op;
  // empty for ONNX's own, also where the file says `ai.onnx`
  std::string_view domain;
  std::string_view overload;
  std::vector<std::string_view> inputs;
  std::vector<std::string_view> outputs;
  std::vector<OnnxAttribute> attributes;

  const OnnxAttribute* attribute(std::string_view wanted) const;
  // the attribute's integer, or what it is without it
  std::int64_t integer(std::string_view wanted, std::int64_t otherwise) const;
  // empty when the input is left out
  std::string_view input(std::size_t index) const {
    return index < inputs.size() ? inputs[index] : std::string_view();
  }
  bool is(std::string_view wanted) const { return op == wanted && domain.empty(); }
  // what it is called in the facts: by its name, else by its first output's
  std::string_view title() const { return !name.empty() || outputs.empty() ? name : outputs.front(); }
};

OnnxNode read_onnx_node(OnnxReading& reading, std::string_view message, const std::string& where);

// An input or output of a graph; `initialised` is left as it is.
OnnxValueFacts read_onnx_value(OnnxReading& reading, std::string_view message, const std::string& where);

// ONNX's own domain has two names.
inline std::string_view onnx_domain(std::string_view domain) {
  return domain == "ai.onnx" ? std::string_view() : domain;
}

}  // namespace runup::artifact
