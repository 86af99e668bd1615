// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "judge.h"

namespace runup::checks::torchscript_archive {

namespace {

// Smaller numbers are heads, groups and kernels as often as lengths.
constexpr std::int64_t kSmallLength = 17;
constexpr std::size_t kMostWeights = 200'000;

struct Axis {
  std::string name;
  std::int64_t size = 0;
  // it is the first dimension of an input
  bool first = false;
};

// The dynamic axes with the size that they had when the model was traced: that of the trace's inputs where
// the archive has them, else the config's example.
std::vector<Axis> dynamic_axes(const Facts& facts) {
  const auto& shapes = facts.artifact->torchscript->traced_shapes;
  const auto& inputs = facts.model.inputs;
  std::vector<Axis> axes;
  for (const auto& [name, axis] : facts.model.axes) {
    if (axis.range.size() != 2 || axis.range[0] == axis.range[1]) {
      continue;
    }
    Axis found{.name = name, .size = axis.example};
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const auto& shape = inputs[i].shape;
      const auto place = std::ranges::find(shape, name, &Dimension::axis);
      if (place == shape.end()) {
        continue;
      }
      const auto at = static_cast<std::size_t>(place - shape.begin());
      found.first = found.first || at == 0;
      if (shapes.size() == inputs.size() && shapes[i].size() == shape.size()) {
        found.size = shapes[i][at];
      }
    }
    axes.push_back(found);
  }
  return axes;
}

// Sizes that are nobody's choice: those of weights and of the inputs' fixed dimensions.
std::set<std::int64_t> feature_sizes(const Facts& facts) {
  std::set<std::int64_t> sizes;
  const auto& tensors = facts.artifact->tensors;
  for (std::size_t i = 0; i < std::min(tensors.size(), kMostWeights); ++i) {
    sizes.insert(tensors[i].shape.begin(), tensors[i].shape.end());
  }
  for (const InputDeclaration& input : facts.model.inputs) {
    for (const Dimension& dimension : input.shape) {
      if (dimension.axis.empty()) {
        sizes.insert(dimension.size);
      }
    }
  }
  return sizes;
}

bool makes_state(const CodeRemarkFacts& remark) {
  return remark.what.ends_with("zeros") || remark.what.ends_with("ones") || remark.what.ends_with("full") ||
         remark.what.ends_with("empty");
}

// A batch stands first; in the initial state of a recurrent layer, [layers, batch, hidden], second.
bool bakes_first(const CodeRemarkFacts& remark, std::int64_t size) {
  const auto& values = remark.values;
  return (!values.empty() && values[0] == size && values.size() > 1) ||
         (makes_state(remark) && values.size() == 3 && values[1] == size);
}

bool bakes_length(const CodeRemarkFacts& remark, std::int64_t size) {
  return std::ranges::contains(remark.values, size);
}

}  // namespace

std::vector<BakedAxis> find_baked_axes(const Facts& facts) {
  const TorchScriptFacts& script = *facts.artifact->torchscript;
  std::vector<BakedAxis> baked;
  // What a person wrote is meant; what a trace wrote is what its example happened to be.
  if (!script.traced) {
    return baked;
  }
  const std::set<std::int64_t> features = feature_sizes(facts);
  for (const Axis& axis : dynamic_axes(facts)) {
    BakedAxis found{.axis = axis.name, .size = axis.size, .ambiguous = features.contains(axis.size)};
    const bool telling = axis.first ? axis.size > 1 : axis.size >= kSmallLength && !found.ambiguous;
    for (const CodeRemarkFacts& remark : script.remarks) {
      const bool sizes = remark.kind == CodeRemarkKind::size_literal && remark.reached && telling;
      if (sizes && (axis.first ? bakes_first(remark, axis.size) : bakes_length(remark, axis.size))) {
        found.places.push_back(&remark);
      }
    }
    if (!found.places.empty()) {
      baked.push_back(std::move(found));
    }
  }
  return baked;
}

}  // namespace runup::checks::torchscript_archive
