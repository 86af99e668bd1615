// SPDX-License-Identifier: Apache-2.0
#pragma once

// What is known of the values of a graph while its nodes are read in their order, which is topological.

#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "artifact/onnx_node.h"
#include "artifact/onnx_tensor.h"

namespace runup::artifact {

// A value that is the same in every run.
struct OnnxConstant {
  // nothing when it is not known; -1 for a size that is not known
  std::optional<std::vector<std::int64_t>> shape;
  // of small integer tensors
  std::optional<std::vector<std::int64_t>> integers;
  // of tensors of one element
  std::optional<double> scalar;
};

struct OnnxKnown {
  // computed from an input of the graph, by more than its shape
  bool varies = false;
  std::shared_ptr<const OnnxConstant> constant;
  // which entry of OnnxFacts::uses is this tensor's; -1 for others
  std::int64_t use = -1;
  // a Transpose or Identity stands between the tensor and this value
  bool through_transpose = false;
  std::uint32_t steps = 0;
};

// The values of one graph, and behind them those of the graphs around it.
class OnnxScope {
 public:
  explicit OnnxScope(const OnnxScope* outer = nullptr) : outer_(outer) {}

  const OnnxKnown* find(std::string_view name) const;
  void add(std::string_view name, OnnxKnown known);
  bool varies(std::string_view name) const;
  // null when the value is no constant
  const OnnxConstant* constant(std::string_view name) const;

  // What the node's outputs are, by its inputs.
  void add_outputs(OnnxReading& reading, const OnnxNode& node);

 private:
  std::shared_ptr<const OnnxConstant> computed(OnnxReading& reading, const OnnxNode& node) const;

  const OnnxScope* outer_;
  std::unordered_map<std::string_view, OnnxKnown> known_;
};

std::shared_ptr<const OnnxConstant> onnx_constant(const OnnxTensor& tensor);

}  // namespace runup::artifact
