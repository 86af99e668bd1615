// SPDX-License-Identifier: Apache-2.0
#include "artifact/onnx_scope.h"

#include <algorithm>

namespace runup::artifact {

namespace {

// A Transpose of an Identity of a Transpose ...
constexpr std::uint32_t kMostSteps = 4;

using Sizes = std::vector<std::int64_t>;

// The shape that two shapes have together: sizes are equal, or one of them is 1.
Sizes broadcast(const Sizes& a, const Sizes& b) {
  Sizes shape(std::max(a.size(), b.size()), 1);
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const std::int64_t left = i < a.size() ? a[a.size() - 1 - i] : 1;
    const std::int64_t right = i < b.size() ? b[b.size() - 1 - i] : 1;
    shape[shape.size() - 1 - i] = left == 1 ? right : left;
  }
  return shape;
}

std::shared_ptr<const OnnxConstant> of_shape(std::optional<Sizes> shape) {
  return std::make_shared<const OnnxConstant>(OnnxConstant{.shape = std::move(shape)});
}

std::shared_ptr<const OnnxConstant> constant_node(OnnxReading& reading, const OnnxNode& node) {
  if (const OnnxAttribute* value = node.attribute("value"); value != nullptr && value->tensor) {
    return onnx_constant(read_onnx_tensor(reading, *value->tensor, {}));
  }
  if (const OnnxAttribute* value = node.attribute("value_int"); value != nullptr && value->integer) {
    return std::make_shared<const OnnxConstant>(
        OnnxConstant{.shape = Sizes{}, .integers = Sizes{*value->integer}, .scalar = *value->integer});
  }
  if (const OnnxAttribute* value = node.attribute("value_float"); value != nullptr && value->number) {
    return std::make_shared<const OnnxConstant>(OnnxConstant{.shape = Sizes{}, .scalar = *value->number});
  }
  const OnnxAttribute* values = node.attribute("value_ints");
  if (values != nullptr && values->integers.size() < kMostSmall) {
    return std::make_shared<const OnnxConstant>(OnnxConstant{
        .shape = Sizes{static_cast<std::int64_t>(values->integers.size())}, .integers = values->integers});
  }
  return of_shape(std::nullopt);
}

// Whether the last two axes, and no others, are exchanged; a matrix without `perm` is turned round.
bool exchanges_last_axes(const OnnxNode& node, const OnnxConstant* input) {
  const OnnxAttribute* perm = node.attribute("perm");
  if (perm == nullptr) {
    return input != nullptr && input->shape && input->shape->size() == 2;
  }
  Sizes wanted(perm->integers.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    wanted[i] = static_cast<std::int64_t>(i);
  }
  if (wanted.size() < 2) {
    return false;
  }
  std::swap(wanted[wanted.size() - 1], wanted[wanted.size() - 2]);
  return perm->integers == wanted;
}

}  // namespace

std::shared_ptr<const OnnxConstant> onnx_constant(const OnnxTensor& tensor) {
  return std::make_shared<const OnnxConstant>(
      OnnxConstant{.shape = onnx_elements(tensor) ? std::optional(tensor.dims) : std::nullopt,
                   .integers = onnx_integers(tensor),
                   .scalar = onnx_scalar(tensor)});
}

const OnnxKnown* OnnxScope::find(std::string_view name) const {
  for (const OnnxScope* scope = this; scope != nullptr && !name.empty(); scope = scope->outer_) {
    if (const auto found = scope->known_.find(name); found != scope->known_.end()) {
      return &found->second;
    }
  }
  return nullptr;
}

void OnnxScope::add(std::string_view name, OnnxKnown known) {
  if (!name.empty()) {
    known_.insert_or_assign(name, std::move(known));
  }
}

bool OnnxScope::varies(std::string_view name) const {
  const OnnxKnown* known = find(name);
  return known != nullptr && known->varies;
}

const OnnxConstant* OnnxScope::constant(std::string_view name) const {
  const OnnxKnown* known = find(name);
  return known == nullptr ? nullptr : known->constant.get();
}

void OnnxScope::add_outputs(OnnxReading& reading, const OnnxNode& node) {
  const bool has_graph = std::ranges::any_of(
      node.attributes, [](const OnnxAttribute& attribute) { return !attribute.graphs.empty(); });
  const bool only_shape = node.is("Shape") || node.is("Size");
  const bool varies =
      has_graph || (!only_shape && std::ranges::any_of(node.inputs, [&](std::string_view name) {
        return this->varies(name);
      }));
  OnnxKnown known{.varies = varies};
  if (!varies) {
    known.constant = computed(reading, node);
  }
  const OnnxKnown* input = find(node.input(0));
  if (input != nullptr && input->use >= 0 && input->steps < kMostSteps) {
    const bool turned = node.is("Transpose") && exchanges_last_axes(node, input->constant.get());
    if (turned || node.is("Identity")) {
      known.use = input->use;
      known.through_transpose = input->through_transpose != turned;
      known.steps = input->steps + 1;
    }
  }
  if (!known.varies && !known.constant && known.use < 0) {
    return;
  }
  for (const std::string_view output : node.outputs) {
    add(output, known);
  }
}

std::shared_ptr<const OnnxConstant> OnnxScope::computed(OnnxReading& reading, const OnnxNode& node) const {
  if (node.is("Constant")) {
    return constant_node(reading, node);
  }
  const OnnxKnown* first = find(node.input(0));
  if (first == nullptr || !first->constant) {
    return nullptr;
  }
  if (node.is("Identity") || node.is("Cast")) {
    return first->constant;
  }
  const OnnxConstant* second = constant(node.input(1));
  if (node.is("ConstantOfShape")) {
    return of_shape(first->constant->integers);
  }
  if (node.is("Expand") && second != nullptr && first->constant->shape && second->integers) {
    return of_shape(broadcast(*first->constant->shape, *second->integers));
  }
  // How a layer's part of the states of all layers is taken; the first axis is that of the layers.
  const OnnxConstant* axes = constant(node.input(3));
  if (node.is("Slice") && first->constant->shape && !first->constant->shape->empty() && axes != nullptr &&
      axes->integers == Sizes{0}) {
    Sizes shape = *first->constant->shape;
    shape[0] = -1;
    return of_shape(std::move(shape));
  }
  return nullptr;
}

}  // namespace runup::artifact
