// SPDX-License-Identifier: Apache-2.0
#pragma once

// What an ONNX file says of itself, read from its protobuf alone (onnx.proto3, IR version 13 and older).
// Names of operators, domains and attributes are ONNX's own.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/codec.h"

namespace runup {

// One dimension of a graph's input or output: a size (`dim_value`), a name (`dim_param`), or neither.
struct OnnxDimensionFacts {
  std::optional<std::int64_t> size;
  std::string name;
  bool operator==(const OnnxDimensionFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"size", &OnnxDimensionFacts::size}, Field{"name", &OnnxDimensionFacts::name}};
  }
};

// One input or output of the main graph.
struct OnnxValueFacts {
  std::string name;
  // PyTorch's name of the element type (`float32`); of others ONNX's (`string`); empty when the file does
  // not say
  std::string dtype;
  // `tensor`, `sequence`, `map`, `optional`, `sparse_tensor`
  std::string kind = "tensor";
  // nothing when the file gives no shape; an empty one is a scalar
  std::optional<std::vector<OnnxDimensionFacts>> shape;
  // an input that an initializer of the same name fills, so that nobody need feed it
  bool initialised = false;
  bool operator==(const OnnxValueFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"name", &OnnxValueFacts::name}, Field{"dtype", &OnnxValueFacts::dtype},
                      Field{"kind", &OnnxValueFacts::kind}, Field{"shape", &OnnxValueFacts::shape},
                      Field{"initialised", &OnnxValueFacts::initialised}};
  }
};

// One domain that the model imports or uses.
struct OnnxDomainFacts {
  // empty for ONNX's own (`ai.onnx` is the same)
  std::string domain;
  // 0 when nodes use it and `opset_import` does not name it
  std::int64_t version = 0;
  // nodes of it, those of subgraphs and local functions included
  std::uint64_t nodes = 0;
  // its distinct operators that no local function of the file defines, sorted, at most 100
  std::vector<std::string> operators;
  bool operator==(const OnnxDomainFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"domain", &OnnxDomainFacts::domain}, Field{"version", &OnnxDomainFacts::version},
                      Field{"nodes", &OnnxDomainFacts::nodes},
                      Field{"operators", &OnnxDomainFacts::operators}};
  }
};

// A tensor whose bytes are in another file (`data_location` is EXTERNAL).
struct OnnxExternalFacts {
  std::string tensor;
  // as written: relative to the model file's folder
  std::string location;
  std::uint64_t offset = 0;
  // as stated; nothing when the file does not say
  std::optional<std::uint64_t> length;
  // what its shape and type take
  std::uint64_t bytes = 0;
  bool operator==(const OnnxExternalFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"tensor", &OnnxExternalFacts::tensor},
                      Field{"location", &OnnxExternalFacts::location},
                      Field{"offset", &OnnxExternalFacts::offset},
                      Field{"length", &OnnxExternalFacts::length}, Field{"bytes", &OnnxExternalFacts::bytes}};
  }
};

enum class OnnxRemarkKind {
  // BatchNormalization that uses the batch's own statistics
  training_batch_norm,
  // Dropout that is active
  training_dropout,
  // RandomNormal, RandomUniform, Bernoulli, Multinomial, ...
  random,
  // LSTM, GRU or RNN with a constant initial state whose batch size is baked
  constant_state,
  // Reshape or Expand of something that was computed from the inputs, ConstantOfShape or Tile, with a
  // constant that bakes a leading size
  constant_shape,
};
constexpr auto enum_names(OnnxRemarkKind) {
  using enum OnnxRemarkKind;
  return std::array<std::pair<OnnxRemarkKind, std::string_view>, 5>{
      {{training_batch_norm, "training-batch-norm"},
       {training_dropout, "training-dropout"},
       {random, "random"},
       {constant_state, "constant-state"},
       {constant_shape, "constant-shape"}}};
}

// One node that deserves a word; at most 200 of a kind are kept.
struct OnnxRemarkFacts {
  OnnxRemarkKind kind = OnnxRemarkKind::random;
  std::string op;
  // the node's name, or its first output's when it has none; of subgraphs with the way to it:
  // `If_3.then_branch/Reshape_7`
  std::string node;
  // the constant at fault: the shape's elements, or the initial state's shape
  std::vector<std::int64_t> values;
  // the batch size that the constant bakes: the leading size of a shape, the state's batch axis
  std::optional<std::int64_t> batch;
  bool operator==(const OnnxRemarkFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"kind", &OnnxRemarkFacts::kind}, Field{"op", &OnnxRemarkFacts::op},
                      Field{"node", &OnnxRemarkFacts::node}, Field{"values", &OnnxRemarkFacts::values},
                      Field{"batch", &OnnxRemarkFacts::batch}};
  }
};

// How the graph uses one initializer: by the first node that reads it, or that reads what a Transpose or
// Identity makes of it.
struct OnnxUseFacts {
  std::string tensor;
  std::string op;
  // which input of that node, from 0
  std::uint32_t input = 0;
  // the last two axes are exchanged on the way: by `transA` or `transB` of Gemm, or by a Transpose between
  // the initializer and the node
  bool transposed = false;
  // the node's name, or its first output's when it has none
  std::string node;
  bool operator==(const OnnxUseFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{Field{"tensor", &OnnxUseFacts::tensor}, Field{"op", &OnnxUseFacts::op},
                      Field{"input", &OnnxUseFacts::input}, Field{"transposed", &OnnxUseFacts::transposed},
                      Field{"node", &OnnxUseFacts::node}};
  }
};

struct OnnxFacts {
  std::int64_t ir_version = 0;
  std::string graph_name;
  std::vector<OnnxDomainFacts> domains;
  std::vector<OnnxValueFacts> inputs;
  std::vector<OnnxValueFacts> outputs;
  std::uint64_t nodes = 0;
  std::uint64_t functions = 0;
  std::vector<OnnxExternalFacts> external;
  std::vector<OnnxRemarkFacts> remarks;
  std::vector<OnnxUseFacts> uses;
  bool operator==(const OnnxFacts&) const = default;
  static constexpr auto fields() {
    return std::tuple{
        Field{"ir_version", &OnnxFacts::ir_version}, Field{"graph_name", &OnnxFacts::graph_name},
        Field{"domains", &OnnxFacts::domains},       Field{"inputs", &OnnxFacts::inputs},
        Field{"outputs", &OnnxFacts::outputs},       Field{"nodes", &OnnxFacts::nodes},
        Field{"functions", &OnnxFacts::functions},   Field{"external", &OnnxFacts::external},
        Field{"remarks", &OnnxFacts::remarks},       Field{"uses", &OnnxFacts::uses}};
  }
};

}  // namespace runup
