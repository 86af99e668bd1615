// SPDX-License-Identifier: Apache-2.0
#include "answers.h"

#include <algorithm>
#include <cmath>
#include <format>

#include "base/text.h"

namespace runup::checks::inference {

namespace {

// Differences below this share of the largest element are rounding.
constexpr double kRounding = 1e-7;
// Fewer possible inputs than this may be drawn twice.
constexpr double kManyInputs = 1000;

std::int64_t size_of(const ModelDeclaration& model, const Dimension& dimension) {
  if (dimension.axis.empty()) {
    return dimension.size;
  }
  const auto axis = model.axes.find(dimension.axis);
  return axis == model.axes.end() ? 1 : axis->second.example;
}

bool is_floating(DType type) {
  return type == DType::float32 || type == DType::float64 || type == DType::float16 ||
         type == DType::bfloat16;
}

bool nearly_equal(const OutputFacts& a, const OutputFacts& b) {
  if (a.sha256 == b.sha256 && !a.sha256.empty()) {
    return true;
  }
  if (a.shape != b.shape || a.first.size() != a.elements || b.first.size() != b.elements) {
    return false;
  }
  double scale = 0;
  double distance = 0;
  for (std::size_t i = 0; i < a.first.size(); ++i) {
    scale = std::max({scale, std::abs(a.first[i]), std::abs(b.first[i])});
    distance = std::max(distance, std::abs(a.first[i] - b.first[i]));
  }
  return distance <= kRounding * scale;
}

}  // namespace

std::string example_shape(const ModelDeclaration& model) {
  if (model.inputs.empty()) {
    return {};
  }
  std::vector<std::int64_t> shape;
  for (const Dimension& dimension : model.inputs.front().shape) {
    shape.push_back(size_of(model, dimension));
  }
  return shape_text(shape);
}

bool inputs_differ(const ModelDeclaration& model) {
  return std::ranges::any_of(model.inputs, [&](const InputDeclaration& input) {
    if (is_floating(input.dtype)) {
      return true;
    }
    double elements = 1;
    for (const Dimension& dimension : input.shape) {
      elements *= static_cast<double>(size_of(model, dimension));
    }
    const double values = input.range ? static_cast<double>(input.range->high - input.range->low) : 2;
    return elements * std::log(std::max(1.0, values)) >= std::log(kManyInputs);
  });
}

bool same_output(const std::vector<const ExperimentFacts*>& answers) {
  return answers.size() > 1 && std::ranges::all_of(answers, [&](const ExperimentFacts* answer) {
           return nearly_equal(answers.front()->outputs.front(), answer->outputs.front());
         });
}

}  // namespace runup::checks::inference
